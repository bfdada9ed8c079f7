import type { Verdict } from '../../launcher-kit/contract.js';
import type { ToolOutcome } from '../../processes/tool.js';

/** One open way to a host, for everything: scripts and tunnels. */
export interface Connection {
  /**
   * Runs a script with that host's /bin/sh; the script travels on its input, so nothing of it is in an
   * argument list.
   */
  run(script: string, timeout: number): Promise<ToolOutcome>;
  /**
   * Makes a port of that host's loopback lead to an address as it is seen from here; 0 takes any port.
   * Answers the port.
   */
  forward(port: number, target: Target): Promise<number>;
  /** Settles when the connection is over, with what was said. */
  closed: Promise<string>;
  close(): Promise<void>;
}

/** Where a tunnel leads. */
export interface Target {
  host: string;
  port: number;
}

/** A host that cannot be used, and why. */
export class HostError extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.sentence);
    this.verdict = verdict;
  }
}
