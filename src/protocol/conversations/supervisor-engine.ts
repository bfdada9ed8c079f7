import type { InterruptOutcome } from '../contents/answers.js';
import type { Tell } from './conversation.js';

/**
 * What an engine, its watcher or its gateway tells the supervisor beside replies and output. User code can
 * speak there as well.
 */
export interface EngineToSupervisor {
  /** With `ready: false` it wants its id, and says `engine_ready` when it can take work. */
  engine_hello: Tell<{ uuid: string; pid: number; role: 'engine' | 'watcher' | 'gateway'; ready?: boolean }>;
  engine_ready: Tell<object>;
  /** Files that user code has loaded, with what they were then. */
  engine_loaded: Tell<{ files: { path: string; hash: string }[] }>;
  interrupt_hit: Tell<{ sequence: number; outcome: InterruptOutcome | 'stuck' }>;
}

/** What a supervisor tells an engine, on the connection of its main thread or of its gateway. */
export interface SupervisorToEngine {
  engine_welcome: Tell<{ id: number; pid: number; environment: Record<string, string> }>;
}

/** What a supervisor tells the second thread of an engine. */
export interface SupervisorToWatcher {
  interrupt_aim: Tell<{ sequence: number; onlyWaiting?: boolean }>;
}
