import type { InterruptOutcome } from '../protocol/messages.js';
import type { Requests } from './requests.js';
import type { Targets } from './targets.js';

/** What views need of their client. */
export interface ViewContext {
  requests: Requests;
  resolveTargets(targets: Targets): number[];
  cancel(ids: string[]): Promise<Record<string, InterruptOutcome>>;
  interrupt(targets: number[]): Promise<Record<string, InterruptOutcome>>;
  engineCount(): number;
}
