import { Command, Flags } from '@oclif/core';
import { parseCount } from '../../base/quantities.js';
import { addEngines } from '../../cluster/engines.js';
import { commonFlags, launcherFlags, placeOf, print, timeoutOf } from '../shared.js';

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
    const ids = await addEngines({
      place: placeOf(flags),
      count,
      launcher: flags.launcher,
      launcherOptions: flags.option,
      engineArgs: [],
      timeout: timeoutOf(flags),
    });
    print(flags.json, { engines: ids.length, ids }, `${ids.length} engines: ${ids.join(' ')}`);
  }
}
