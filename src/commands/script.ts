import { Command, Flags } from '@oclif/core';
import { usableCores } from '../cluster/cores.js';
import { planStart } from '../cluster/prepare.js';
import { engineCount } from '../config/engine-count.js';
import { formatPlan } from '../launcher-kit/plan.js';
import { commonFlags, launcherFlags, placeOf, print, timeoutOf } from './shared.js';

export default class Script extends Command {
  static override summary = 'print the scripts and commands that a start would use';
  static override flags = {
    n: Flags.string({ char: 'n', description: 'engines', helpValue: 'N' }),
    ...launcherFlags,
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Script);
    const count = engineCount(flags.n, usableCores);
    const plans = await planStart({
      place: placeOf(flags),
      count,
      launcher: flags.launcher,
      launcherOptions: flags.option,
      controllerArgs: [],
      engineArgs: [],
      reuse: false,
      timeout: timeoutOf(flags),
    });
    print(flags.json, { plans }, plans.map(formatPlan).join('\n\n'));
  }
}
