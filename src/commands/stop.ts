import { Command, Flags } from '@oclif/core';
import { stopCluster } from '../cluster/stop.js';
import { commonFlags, placeOf, print } from './shared.js';
import { inPlace } from './tips.js';

export default class Stop extends Command {
  static override summary = 'stop a cluster, and prove that nothing is left of it';
  static override flags = {
    ...commonFlags,
    force: Flags.boolean({ summary: 'forget what cannot be reached, such as a host that is off for good' }),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Stop);
    const place = placeOf(flags);
    const { orderly, killed, unsure, forgotten, hours } = await stopCluster(place, flags.force);
    for (const sentence of unsure) process.stderr.write(`${inPlace(sentence)}\n`);
    // What nobody could make sure of is no success: it stays on the list, for the next stop.
    if (unsure.length > 0 && !forgotten) process.exitCode = 1;
    const how = forgotten
      ? 'stopped, but for what could not be reached: that is forgotten'
      : unsure.length > 0
        ? 'not all of it could be made sure of: it stays on the list, try `ipcluster stop` again, or ' +
          '`ipcluster stop --force` to forget it'
        : orderly
          ? 'stopped'
          : 'the controller did not answer; its jobs were ended';
    print(
      flags.json,
      {
        clusterId: place.clusterId,
        orderly,
        killed,
        ...(unsure.length > 0 && { unsure, forgotten }),
        ...(hours && { hours }),
      },
      [
        how,
        killed > 0 && `${killed} processes had to be killed`,
        hours && `asked for ${hours.asked} core-hours, used ${hours.used}, busy ${hours.busy}`,
      ]
        .filter(Boolean)
        .join('; '),
    );
  }
}
