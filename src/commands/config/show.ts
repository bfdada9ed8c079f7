import { Command } from '@oclif/core';
import { suitableCount } from '../../cluster/job-settings.js';
import { pathsOf } from '../../profile/paths.js';
import { commonFlags, formatTable, placeOf, print, settingsOf } from '../shared.js';

export default class ConfigShow extends Command {
  static override summary = 'show every setting, and where its value comes from';
  static override description =
    'A flag goes before the environment, that before the profile, the site, and the default.';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(ConfigShow);
    const place = placeOf(flags, true);
    const settings = settingsOf(place, flags, { n: String(suitableCount()) }).all;
    const rows = settings.map(({ key, text, source }) => [key, (text ?? '').replaceAll('\n', ' '), source]);
    const { configFile } = pathsOf(place);
    const values = settings.map(({ key, text, source }) => ({ key, value: text ?? null, source }));
    print(
      flags.json,
      { configFile, settings: values },
      `${formatTable([['setting', 'value', 'from'], ...rows])}\n\n${configFile}`,
    );
  }
}
