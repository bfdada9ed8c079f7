import type { Log } from '../base/log.js';
import type { Link } from './link.js';

/*
 * How a controller opens a gateway for Python's clients and engines without knowing what that is: the program
 * is named by its file and loaded only when it is wanted, as launchers are.
 */

/**
 * What a gateway must be given again to be met where it was met before; nobody else's to read, and secrets
 * are in it.
 */
type GatewayState = Record<string, unknown>;

/** How the gateway of a controller is called among its supervisors. */
export const gatewayName = 'gateway';

export interface GatewayOptions {
  /** Opens another connection to the controller. */
  connect(role: 'client' | 'engine'): Promise<Link>;
  /** The controller's machine, as Python's files name it. */
  location: string;
  /** False for connections in clear text, which others on this machine may read. */
  curve: boolean;
  /** Milliseconds between heartbeats. */
  heartbeat: number;
  /** Milliseconds of silence after which peers give each other up. */
  lease: number;
  before: GatewayState | undefined;
  /** Engines of the gateway before, which may still be there. */
  known: readonly { id: number; uuid: string }[];
  log: Log;
}

export interface OpenGateway {
  /** Fields of Python's connection files. */
  engine: Record<string, unknown>;
  client: Record<string, unknown>;
  state: GatewayState;
  /** Ends it, and Python's clients and engines with it, unless they stay for the next one. */
  close(stay: boolean): Promise<void>;
}

/** What the gateway's file exports. */
export interface GatewayModule {
  openGateway(options: GatewayOptions): Promise<OpenGateway>;
}
