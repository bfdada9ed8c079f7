import { messageOf } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import type { Log } from '../base/log.js';
import { nodeFlags, programFile } from '../base/package.js';
import { sleep } from '../base/wait.js';
import { endGroups } from '../processes/end.js';
import { describeExit, type Started, startProcess } from '../processes/start.js';
import { identify, markVariable } from '../processes/table.js';
import { fileBeside } from '../profile/sockets.js';

/** A gateway that ends so often is not started again. */
const mostStarts = 5;

export interface GatewayProcessOptions {
  /** Where the supervisor expects its engines. */
  socketPath: string;
  mark: string;
  /** True for connections in clear text. */
  plain: boolean;
  logFile: string;
  log: Log;
  /**
   * The gateway has ended unasked: `again` tells whether there is another, under the same file. Engines of
   * the last one are lost.
   */
  onLost: (again: boolean) => void;
}

/**
 * The gateway of a node's engines of Python: a child of the supervisor, started again when it ends unasked.
 */
export class GatewayProcess {
  /** The connection file that engines are given; in a folder that is this user's and this machine's alone. */
  readonly file: string;
  readonly #options: GatewayProcessOptions;
  #process: Started | undefined;
  #starts = 0;
  #closing = false;

  constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.file = fileBeside(options.socketPath);
  }

  async start(): Promise<void> {
    const { socketPath: path, mark, logFile: output, log, plain } = this.#options;
    this.#starts += 1;
    const argv = [
      process.execPath,
      ...nodeFlags,
      // What passes through is short-lived: more room for it would only be filled.
      '--max-semi-space-size=2',
      programFile('ipgateway'),
      '--engines',
      path,
      '--file',
      this.file,
      ...(plain ? ['--plain'] : []),
    ] as const;
    // One heap of malloc for all threads: what the compiler frees in its own would stay there, some
    // megabytes.
    const env = { ...process.env, [markVariable]: `${mark}/gateway`, MALLOC_ARENA_MAX: '1' };
    this.#process = await startProcess({ argv, env, stdout: output, stderr: output });
    void this.#process.exited.then((exit) => {
      if (this.#closing) return;
      log.warn(`the gateway of the engines ended: ${describeExit(exit)}`);
      const again = this.#starts < mostStarts;
      this.#options.onLost(again);
      if (again) void this.#startAgain();
    });
  }

  /** Where the system has nothing to start it with, it may have later. */
  async #startAgain(): Promise<void> {
    for (let pause = 500; !this.#closing; pause = Math.min(2 * pause, 30_000)) {
      try {
        return await this.start();
      } catch (error) {
        this.#starts -= 1;
        this.#options.log.warn(
          'the gateway of the engines could not be started again, and is tried again',
          messageOf(error),
        );
        await sleep(pause);
      }
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    const leader = identify(this.#process?.pid ?? -1);
    if (leader) await endGroups([leader], { grace: 1000 });
    await removeFile(this.file);
  }
}
