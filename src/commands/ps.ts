import { Command } from '@oclif/core';
import { listProcesses } from '../cluster/processes.js';
import { strayJobs } from '../cluster/strays.js';
import { commonFlags, formatTable, placeOf, print } from './shared.js';

export default class Ps extends Command {
  static override summary = 'list the processes of a cluster on this machine, and its jobs in a scheduler';
  static override description = 'Found by the mark or the name that each carries, so no controller is needed.';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Ps);
    const place = placeOf(flags);
    const processes = listProcesses(place);
    const jobs = await strayJobs(place);
    const rows = processes.map(({ pid, what, memory, command }) => [
      String(pid),
      what,
      `${Math.round(memory / 1e6)} MB`,
      command.slice(0, 100),
    ]);
    const table = rows.length > 0 ? [formatTable([['pid', 'what', 'memory', 'command'], ...rows])] : [];
    const lines = jobs.map(({ launcher, ids, name }) => `job ${ids.join(' ')} of ${launcher}: ${name ?? ''}`);
    print(flags.json, { processes, jobs }, [...table, ...lines].join('\n') || 'nothing');
  }
}
