import { Args, Command } from '@oclif/core';
import { deleteProfile } from '../../cluster/profiles.js';
import { commonFlags, print } from '../shared.js';

export default class ProfileDelete extends Command {
  static override summary = 'remove what is ours of a profile, and its folder when nothing else is in it';
  static override args = { name: Args.string({ required: true, description: 'name of the profile' }) };
  static override flags = { json: commonFlags.json };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ProfileDelete);
    const done = await deleteProfile(args.name);
    print(flags.json, { done }, done.join('\n'));
  }
}
