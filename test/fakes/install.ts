import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const commands = {
  openpbs: ['qsub', 'qstat', 'qdel', 'qsig', 'qselect', 'pbsdsh', 'pbsnodes', 'qalter', 'qrerun'],
  torque: ['qsub', 'qstat', 'qdel', 'qsig', 'qselect', 'pbsdsh'],
  lsf: ['bsub', 'bjobs', 'bkill', 'bmod', 'blaunch'],
};

/**
 * A stand-in for a system that no package brings, with its commands in a folder for PATH and a queue of its
 * own.
 */
export class FakeScheduler {
  readonly folder = mkdtempSync(join(tmpdir(), 'ipcluster-fake-'));
  readonly bin = join(this.folder, 'bin');
  readonly #state = join(this.folder, 'state');

  constructor(system: keyof typeof commands) {
    chmodSync(this.folder, 0o755);
    mkdirSync(this.bin);
    mkdirSync(this.#state, { mode: 0o777 });
    chmodSync(this.#state, 0o777);
    for (const command of commands[system]) {
      const line =
        `exec ${process.execPath} ${resolve('test/fakes/scheduler.js')} ${system} ${this.#state} ` +
        `${command} "$@"`;
      writeFileSync(join(this.bin, command), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    }
  }

  get path(): string {
    return `${this.bin}:${process.env['PATH']}`;
  }

  /** What is to go wrong from now on: see scheduler.js. */
  behave(wish: object): void {
    writeFileSync(join(this.#state, 'behave.json'), JSON.stringify(wish));
  }

  /** Jobs that have not ended. */
  live(): string[] {
    const list = join(this.#state, 'jobs');
    mkdirSync(list, { recursive: true });
    return names(list).filter(
      (name) => (JSON.parse(readFileSync(join(list, name), 'utf8')) as { state: string }).state !== 'ended',
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const names = (folder: string): string[] =>
  readdirSync(folder).filter((name) => /^\d+(-\d+)?\.json$/.test(name));
