import { Command } from '@oclif/core';
import { listProfiles } from '../../cluster/profiles.js';
import { commonFlags, formatTable, print } from '../shared.js';

export default class ProfileList extends Command {
  static override summary = "list the profiles of IPython's folder";
  static override flags = { json: commonFlags.json };

  async run(): Promise<void> {
    const { flags } = await this.parse(ProfileList);
    const profiles = await listProfiles();
    const rows = profiles.map(({ profile, folder, configFile, clusters }) => [
      ...[profile, configFile ? 'yes' : 'no', clusters.map((id) => id || 'default').join(' '), folder],
    ]);
    const text =
      rows.length > 0 ? formatTable([['profile', 'settings', 'clusters', 'folder'], ...rows]) : 'no profiles';
    print(flags.json, { profiles }, text);
  }
}
