import { Command } from '@oclif/core';
import { connectTo } from '../../cluster/find.js';
import { commonFlags, parseTargets, placeOf, print, targetsFlag } from '../shared.js';
import { idsArgument } from './ids.js';

export default class EnginesRestart extends Command {
  static override summary = 'end engines and start new ones under the same ids';
  static override args = { ids: idsArgument };
  static override flags = { targets: targetsFlag, ...commonFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(EnginesRestart);
    await using client = await connectTo(placeOf(flags));
    const targets = parseTargets(args.ids ?? flags.targets);
    const ids = await client.restartEngines(targets);
    print(flags.json, { restarted: ids }, `restarted: ${ids.join(' ')}`);
  }
}
