import { Command } from '@oclif/core';
import { connectTo } from '../../cluster/find.js';
import { commonFlags, parseTargets, placeOf, print, targetsFlag } from '../shared.js';
import { idsArgument } from './ids.js';

export default class EnginesStop extends Command {
  static override summary = 'end engines for good';
  static override args = { ids: idsArgument };
  static override flags = { targets: targetsFlag, ...commonFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(EnginesStop);
    await using client = await connectTo(placeOf(flags));
    const targets = parseTargets(args.ids ?? flags.targets);
    const ids = await client.stopEngines(targets);
    print(flags.json, { stopped: ids }, `stopped: ${ids.join(' ')}`);
  }
}
