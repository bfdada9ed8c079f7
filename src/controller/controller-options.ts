import type { Log } from '../base/log.js';
import type { PortRange } from '../base/quantities.js';
import type { Deferred } from '../base/wait.js';
import type { Place } from '../profile/paths.js';
import type { GatewayOptions, OpenGateway } from '../transport/gateway-door.js';
import type { Listening } from './addresses.js';
import type { IntakeLimits } from './intake.js';
import type { KeepPolicy } from './store-messages.js';

export interface ControllerOptions {
  place: Place;
  listening: Listening;
  ports: PortRange;
  log: Log;
  /** Milliseconds of silence after which peers give each other up. */
  lease: number;
  /** Milliseconds without client and work after which the controller ends itself; 0 for never. */
  idleTimeout: number;
  /** True to be the controller that was killed here: its keys, its tasks, its engines. */
  reuse: boolean;
  /** True in a job of a scheduler, which may end it while its engines, in other jobs, go on. */
  scheduled: boolean;
  /** Settled by whoever wants the controller to end, with the reason. */
  ending: Deferred<string>;
  /** Folders of batch jobs whose supervisors may join. */
  joins: readonly string[];
  /** True where Python's tools of this machine may list it, and end it by its process. */
  listed: boolean;
  keep: KeepPolicy;
  intake: IntakeLimits;
  /** Opens the gateway for Python; none without it. */
  openGateway: ((options: Omit<GatewayOptions, 'curve' | 'heartbeat'>) => Promise<OpenGateway>) | undefined;
}
