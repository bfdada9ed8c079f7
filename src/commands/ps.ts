import { Command } from '@oclif/core';
import { listProcesses } from '../cluster/processes.js';
import { commonFlags, formatTable, placeOf, print } from './shared.js';

export default class Ps extends Command {
  static override summary = 'list the processes of a cluster on this machine';
  static override description = 'Found by the mark that each carries, so no controller is needed.';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Ps);
    const processes = listProcesses(placeOf(flags));
    const rows = processes.map(({ pid, what, memory, command }) => [
      String(pid),
      what,
      `${Math.round(memory / 1e6)} MB`,
      command.slice(0, 100),
    ]);
    print(flags.json, { processes }, rows.length > 0 ? formatTable([['pid', 'what', 'memory', 'command'], ...rows]) : 'nothing');
  }
}
