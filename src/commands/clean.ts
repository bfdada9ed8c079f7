import { Command } from '@oclif/core';
import { cleanProfile } from '../cluster/clean.js';
import { commonFlags, placeOf, print } from './shared.js';

export default class Clean extends Command {
  static override summary = 'remove what dead clusters of a profile have left';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Clean);
    const done = await cleanProfile(placeOf(flags));
    print(flags.json, { done }, done.join('\n') || 'nothing to remove');
  }
}
