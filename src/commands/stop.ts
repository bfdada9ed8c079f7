import { Command } from '@oclif/core';
import { stopCluster } from '../cluster/stop.js';
import { commonFlags, placeOf, print } from './shared.js';
import { inPlace } from './tips.js';

export default class Stop extends Command {
  static override summary = 'stop a cluster, and prove that nothing is left of it';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Stop);
    const place = placeOf(flags);
    const { orderly, killed, unsure, hours } = await stopCluster(place);
    for (const sentence of unsure) process.stderr.write(`${inPlace(sentence)}\n`);
    // What nobody could make sure of is no success: it stays on the list, for the next stop.
    if (unsure.length > 0) process.exitCode = 1;
    const how =
      unsure.length > 0
        ? 'not all of it could be made sure of: it stays on the list, try `ipcluster stop` again'
        : orderly
          ? 'stopped'
          : 'the controller did not answer; its jobs were ended';
    print(
      flags.json,
      { clusterId: place.clusterId, orderly, killed, ...(unsure.length > 0 && { unsure }), ...(hours && { hours }) },
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
