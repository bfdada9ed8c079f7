import { Command } from '@oclif/core';
import { killProcesses } from '../cluster/processes.js';
import { commonFlags, placeOf, print } from './shared.js';

export default class Kill extends Command {
  static override summary = 'end every process of a cluster on this machine, without asking its controller';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Kill);
    const killed = await killProcesses(placeOf(flags));
    print(flags.json, { killed }, killed > 0 ? `${killed} processes ended` : 'nothing to end');
  }
}
