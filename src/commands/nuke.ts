import { Command } from '@oclif/core';
import { nukeProfile } from '../cluster/clean.js';
import { commonFlags, placeOf, print } from './shared.js';

export default class Nuke extends Command {
  static override summary = 'end and remove everything of ours in a profile; files of yours stay';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Nuke);
    const done = await nukeProfile(placeOf(flags));
    print(flags.json, { done }, done.join('\n') || 'nothing to remove');
  }
}
