import { Command, Flags } from '@oclif/core';
import { parseCount } from '../../base/quantities.js';
import { addEngines } from '../../cluster/engines.js';
import { jobSettings, launcherSettings } from '../../cluster/job-settings.js';
import { enginesAsStarted, wordsAsStarted } from '../../cluster/started-with.js';
import { readClusterFile } from '../../profile/cluster-file.js';
import { commonFlags, givenBy, interruption, launcherFlags, placeOf, print, restOfLine } from '../shared.js';
import { inPlace } from '../tips.js';

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
    const [given, file] = [givenBy(flags), await readClusterFile(place)];
    const { values, launcher } = await launcherSettings(place, enginesAsStarted(given, file));
    const onNotice = (sentence: string): void => void process.stderr.write(`${inPlace(sentence)}\n`);
    const settings = jobSettings(values, launcher, wordsAsStarted(restOfLine(), given, file));
    const ids = await addEngines({ place, count, ...settings, signal: interruption(), onNotice });
    print(flags.json, { engines: ids.length, ids }, `${ids.length} engines: ${ids.join(' ')}`);
  }
}
