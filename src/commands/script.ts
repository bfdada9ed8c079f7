import { Command, Flags } from '@oclif/core';
import { parseCount } from '../base/quantities.js';
import { usableCores } from '../cluster/cores.js';
import { jobSettings } from '../cluster/job-settings.js';
import { planStart } from '../cluster/prepare.js';
import { formatPlan } from '../launcher-kit/plan.js';
import { commonFlags, launcherFlags, placeOf, print, settingsOf } from './shared.js';

export default class Script extends Command {
  static override summary = 'print the scripts and commands that a start would use';
  static override flags = {
    n: Flags.string({ char: 'n', description: 'engines', helpValue: 'N' }),
    ...launcherFlags,
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Script);
    const place = placeOf(flags, true);
    const values = settingsOf(place, flags, { n: String(usableCores()) });
    const count = parseCount(values.text('n') ?? '', '-n');
    const plans = await planStart({ place, count, ...jobSettings(values), reuse: false });
    print(flags.json, { plans }, plans.map(formatPlan).join('\n\n'));
  }
}
