import { resolve } from 'node:path';
import { Command, Flags } from '@oclif/core';
import { parseDuration } from '../../base/quantities.js';
import { connectTo } from '../../cluster/find.js';
import { recycle } from '../../cluster/recycle.js';
import { watchPath } from '../../config/watch.js';
import { commonFlags, interruption, parseTargets, placeOf, print, targetsFlag } from '../shared.js';
import { idsArgument } from './ids.js';

export default class EnginesRestart extends Command {
  static override summary = 'end engines and start new ones under the same ids, one by one, idle ones first';
  static override args = { ids: idsArgument };
  static override flags = {
    targets: targetsFlag,
    wait: Flags.string({
      default: '0s',
      description: 'how long a busy engine gets to finish what it runs',
      helpValue: 'DURATION',
    }),
    watch: Flags.string({
      description: 'again whenever something there changes, until Ctrl-C; busy engines finish first',
      helpValue: 'PATH',
    }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(EnginesRestart);
    const patience = parseDuration(flags.wait, '--wait');
    const signal = interruption();
    await using client = await connectTo(placeOf(flags));
    const targets = parseTargets(args.ids ?? flags.targets);
    const ids = (): number[] => client.direct(targets).targets;
    if (flags.watch === undefined) {
      const restarted = await recycle(client, { targets: ids(), patience, signal });
      return print(flags.json, { restarted }, `restarted: ${restarted.join(' ')}`);
    }
    const path = resolve(flags.watch);
    const onReady = (): void => void process.stderr.write(`watching ${path} (Ctrl-C ends it)\n`);
    for await (const _change of watchPath(path, signal, onReady)) {
      const restarted = await recycle(client, {
        targets: ids(),
        patience: patience || Number.POSITIVE_INFINITY,
        signal,
      });
      print(flags.json, { restarted }, `changed; restarted: ${restarted.join(' ')}`);
    }
    signal.throwIfAborted();
  }
}
