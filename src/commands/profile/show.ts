import { Command } from '@oclif/core';
import { showProfile } from '../../cluster/profiles.js';
import { findPlace } from '../../profile/paths.js';
import { commonFlags, print, settingsOf } from '../shared.js';
import { nameArgument, profileName } from './name.js';

export default class ProfileShow extends Command {
  static override summary = 'show a profile: its folder, its clusters, and what is set in it';
  static override args = { name: nameArgument };
  static override flags = { profile: commonFlags.profile, json: commonFlags.json };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ProfileShow);
    const shown = await showProfile(profileName(args.name, flags.profile));
    const set = settingsOf(findPlace({ profile: shown.profile }), {}).all.filter(
      ({ source }) => source !== 'default',
    );
    const lines = [
      shown.folder,
      `settings: ${shown.configFile ?? 'none; `ipcluster profile create` makes the file'}`,
      ...set.map(({ key, text, source }) => `  ${key}: ${text?.replaceAll('\n', ' ')} (${source})`),
      `clusters: ${shown.clusters.map((id) => id || 'default').join(' ') || 'none'}`,
    ];
    print(flags.json, { ...shown, settings: set }, lines.join('\n'));
  }
}
