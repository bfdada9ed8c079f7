// The stand-in for OpenPBS in an ordinary user's home: its commands are on the user's PATH, its queue is a
// folder of his.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sleep, until } from '../bed.js';

const commands = ['qsub', 'qstat', 'qdel', 'qsig', 'qselect', 'pbsdsh', 'pbsnodes', 'qalter', 'qrerun'];
const fakes = join(import.meta.dirname, '../../test/fakes');

export class Pbs {
  constructor(scene) {
    this.scene = scene;
    this.state = join(scene.folder, 'pbs');
    const programs = join(scene.folder, 'fakes');
    cpSync(fakes, programs, { recursive: true });
    writeFileSync(join(programs, 'package.json'), '{"type":"module"}');
    mkdirSync(this.state);
    for (const command of commands) {
      const line =
        `exec ${process.execPath} ${join(programs, 'scheduler.js')} openpbs ${this.state} ` +
        `${command} "$@"`;
      writeFileSync(join(scene.bin, command), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    }
    spawnSync('chown', ['-R', `${scene.user.uid}:${scene.user.gid}`, this.state, programs]);
  }

  /** What is to go wrong from now on: see test/fakes/scheduler.js. */
  behave(wish) {
    writeFileSync(join(this.state, 'behave.json'), JSON.stringify(wish));
  }

  start(...args) {
    return this.scene.json('start', '--launcher', 'pbs', '-d', ...args);
  }

  /** All jobs that were submitted, as the stand-in has them. */
  jobs() {
    const folder = join(this.state, 'jobs');
    const names = readdirSync(folder).filter((name) => /^\d+(-\d+)?\.json$/.test(name));
    return names
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
      .sort((a, b) => a.number - b.number);
  }

  /** Submits a script of the user's own; answers its id. */
  submit(script, ...words) {
    const path = join(this.scene.folder, 'own.sh');
    writeFileSync(path, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
    return this.scene.asUser('qsub', ...words, path);
  }

  /** Waits until a finding of `why` has that code, at most `bound` milliseconds; answers it. */
  finding(code, bound = 20_000) {
    return this.oneOf([code], bound);
  }

  /** The same for any of several codes. */
  async oneOf(codes, bound = 20_000) {
    let [found, seen] = [undefined, []];
    for (const end = Date.now() + bound; !found && Date.now() < end; await sleep(300)) {
      const { findings } = await this.scene.why();
      found = findings.find(({ code }) => codes.includes(code));
      seen = findings;
    }
    const said = seen.map(({ code, sentence }) => `${code}: ${sentence}`).join('; ');
    return found ?? { code: `no ${codes.join(', ')}`, sentence: `but ${said || 'nothing'}` };
  }

  /**
   * The daemon of a job's host is killed; the next one finds the job, kills what is left of it and says that
   * it was started again.
   */
  async restartDaemon({ number, pid }) {
    const daemon = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    process.kill(daemon, 'SIGKILL');
    process.kill(-pid, 'SIGKILL');
    const path = join(this.state, 'jobs', `${number}.json`);
    writeFileSync(
      path,
      JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), state: 'ended', exit: -4 }),
    );
  }

  /** Processes of this scene whose command has those words: their pids. */
  pids(words) {
    const command = (pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    };
    return this.scene
      .processes()
      .filter((pid) => words.test(command(pid)))
      .map(Number);
  }
}

export { hostname, sleep, until };

/** Rows on the stand-in of PBS: each finds it in the place of the system, as the second thing that it is given. */
export const onPbs = (rows) =>
  rows.map((row) => ({ ...row, bed: 'pbs', run: (scene) => row.run(scene, new Pbs(scene)) }));
