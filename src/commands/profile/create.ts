import { Command, Flags } from '@oclif/core';
import { createProfile } from '../../cluster/profiles.js';
import { findPlace } from '../../profile/paths.js';
import { commonFlags, print } from '../shared.js';
import { nameArgument, profileName } from './name.js';

export default class ProfileCreate extends Command {
  static override summary = 'make a profile, with a file of all settings as comments';
  static override args = { name: nameArgument };
  static override flags = {
    profile: commonFlags.profile,
    json: commonFlags.json,
    // Every profile is made for that here; people write it as they do for `ipython profile create`.
    parallel: Flags.boolean({ hidden: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ProfileCreate);
    const { configFile, created } = createProfile(
      findPlace({ profile: profileName(args.name, flags.profile) }),
    );
    print(
      flags.json,
      { configFile, created },
      created ? configFile : `${configFile} is there already, and was left as it is`,
    );
  }
}
