import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonIfWhole, writeWhole } from '../../base/files.js';
import { poll } from '../../base/wait.js';
import type { Verdict } from '../../launcher-kit/contract.js';
import type { Meeting } from '../../launcher-kit/meeting.js';
import { startProcess } from '../../processes/start.js';
import { markVariable } from '../../processes/table.js';
import { HostError } from './connection.js';
import type { Seat } from './seats.js';

/** A tunnel may take so long to be there (milliseconds). */
const patience = 30_000;

/** What the keeper is to keep: written by the launcher, read once. */
export interface Wish {
  seats: readonly Seat[];
  meeting: Meeting;
  /** The connection file: when it is taken away, nobody needs the tunnels any more. */
  file: string;
}

/** What came of it on one host: a port there, or why not. */
export interface Answer {
  port?: number;
  verdict?: Verdict;
}

export const wishFile = (jobDir: string): string => join(jobDir, 'tunnels.json');
export const answerFile = (jobDir: string, index: number): string => join(jobDir, `tunnel-${index}.json`);

/**
 * Tunnels for the hosts of one job. A program of its own keeps them, since they must outlive the one that
 * starts the job.
 */
export class Tunnels {
  readonly #jobDir: string;
  readonly #mark: string;
  readonly #log: string;
  #keeperEnded = false;

  constructor(jobDir: string, mark: string) {
    this.#jobDir = jobDir;
    this.#mark = mark;
    this.#log = join(jobDir, 'tunnels.log');
  }

  /** Starts the keeper. Throws JOB_FAILED. */
  async open(wish: Wish): Promise<void> {
    writeWhole(wishFile(this.#jobDir), `${JSON.stringify(wish)}\n`);
    const program = fileURLToPath(new URL('keeper.js', import.meta.url));
    const env = { ...process.env, [markVariable]: `${this.#mark}.tunnels` };
    const argv = [process.execPath, '--v8-pool-size=1', program, this.#jobDir] as const;
    const { exited, release } = await startProcess({ argv, env, stdout: this.#log, stderr: this.#log });
    release();
    void exited.then(() => {
      this.#keeperEnded = true;
    });
  }

  /** The port of that host's loopback that leads to the controller. Throws {@link HostError}. */
  async portFor(index: number): Promise<number> {
    const read = async (): Promise<Answer | undefined> =>
      (await readJsonIfWhole(answerFile(this.#jobDir, index))) as Answer | undefined;
    const answer = await poll(async () => (await read()) ?? (this.#keeperEnded ? {} : undefined), {
      timeout: patience,
    });
    const { port, verdict } = answer ?? {};
    if (port !== undefined) return port;
    const sentence = `The controller cannot be reached from there, and a tunnel did not come to be (${this.#log}).`;
    throw new HostError(verdict ?? { code: 'tunnel-refused', sentence, suggestions: [] });
  }
}
