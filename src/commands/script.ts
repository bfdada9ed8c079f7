import { Command, Flags } from '@oclif/core';
import { ejectTemplates } from '../cluster/eject.js';
import { engineCount, jobSettings, launcherSettings } from '../cluster/job-settings.js';
import { planStart } from '../cluster/prepare.js';
import { formatPlan } from '../launcher-kit/plan.js';
import { commonFlags, givenBy, launcherFlags, placeOf, print, restOfLine } from './shared.js';

export default class Script extends Command {
  static override summary = 'print the scripts and commands that a start would use';
  static override flags = {
    n: Flags.string({ char: 'n', description: 'engines', helpValue: 'N' }),
    eject: Flags.string({
      description: "write a launcher's templates into the profile, where they may be changed",
      helpValue: 'NAME',
    }),
    ...launcherFlags,
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Script);
    const place = placeOf(flags, true);
    if (flags.eject !== undefined) {
      const files = ejectTemplates(flags.eject, place);
      return print(flags.json, { files }, files.map((file) => `written: ${file}`).join('\n'));
    }
    const { values, launcher } = await launcherSettings(place, givenBy(flags));
    const count = engineCount(values, launcher);
    const plans = await planStart({
      place,
      count,
      ...jobSettings(values, launcher, restOfLine()),
      reuse: false,
    });
    print(flags.json, { plans }, plans.map(formatPlan).join('\n\n'));
  }
}
