import { Command } from '@oclif/core';
import { connectTo } from '../../cluster/find.js';
import { commonFlags, parseTargets, placeOf, print, targetsFlag } from '../shared.js';
import { idsArgument } from './ids.js';

export default class EnginesInterrupt extends Command {
  static override summary = 'interrupt what engines run';
  static override args = { ids: idsArgument };
  static override flags = { targets: targetsFlag, ...commonFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(EnginesInterrupt);
    await using client = await connectTo(placeOf(flags));
    const targets = parseTargets(args.ids ?? flags.targets);
    const outcomes = await client.direct(targets).interrupt();
    const lines = Object.entries(outcomes).map(([id, outcome]) => `[${id}] ${outcome}`);
    print(flags.json, { outcomes }, lines.join('\n'));
  }
}
