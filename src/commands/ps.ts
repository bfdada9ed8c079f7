import { Command } from '@oclif/core';
import { listProcesses } from '../cluster/processes.js';
import { strayJobs } from '../cluster/strays.js';
import { commonFlags, formatTable, placeOf, print } from './shared.js';
import { inPlace } from './tips.js';

export default class Ps extends Command {
  static override summary = 'list the processes of a cluster on this machine, and its jobs in a scheduler';
  static override description =
    'Found by the mark or the name that each carries, so no controller is needed.';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Ps);
    const place = placeOf(flags);
    const processes = listProcesses(place);
    const { found: jobs, silent } = await strayJobs(place);
    for (const sentence of silent) process.stderr.write(`${inPlace(sentence)}\n`);
    const rows = processes.map(({ pid, what, memory, command }) => [
      String(pid),
      what,
      `${Math.round(memory / 1e6)} MB`,
      command.slice(0, 100),
    ]);
    const table = rows.length > 0 ? [formatTable([['pid', 'what', 'memory', 'command'], ...rows])] : [];
    const lines = jobs.map(({ launcher, ids, name }) => `job ${ids.join(' ')} of ${launcher}: ${name ?? ''}`);
    const nothing = silent.length > 0 ? 'nothing on this machine' : 'nothing';
    print(
      flags.json,
      { processes, jobs, ...(silent.length > 0 && { silent }) },
      [...table, ...lines].join('\n') || nothing,
    );
  }
}
