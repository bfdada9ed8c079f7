import { Command, Flags } from '@oclif/core';
import { parseCount } from '../../base/quantities.js';
import { addEngines } from '../../cluster/engines.js';
import { jobSettings } from '../../cluster/job-settings.js';
import { commonFlags, launcherFlags, placeOf, print, settingsOf } from '../shared.js';

export default class EnginesAdd extends Command {
  static override summary = 'add engines to a running cluster';
  static override flags = {
    n: Flags.string({ char: 'n', required: true, description: 'how many', helpValue: 'N' }),
    ...launcherFlags,
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(EnginesAdd);
    const count = parseCount(flags.n, '-n', 1);
    const place = placeOf(flags, true);
    const ids = await addEngines({ place, count, ...jobSettings(settingsOf(place, flags)) });
    print(flags.json, { engines: ids.length, ids }, `${ids.length} engines: ${ids.join(' ')}`);
  }
}
