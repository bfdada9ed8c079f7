import { Command } from '@oclif/core';
import { listClusters } from '../cluster/status.js';
import { commonFlags, formatTable, print } from './shared.js';

export default class List extends Command {
  static override summary = 'list the clusters of all profiles';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(List);
    const clusters = await listClusters();
    const rows = clusters.map((line) => [
      line.profile,
      line.clusterId,
      line.running ? 'running' : 'not running',
      String(line.engines),
      line.launcher,
      line.started,
    ]);
    const text =
      rows.length > 0
        ? formatTable([['profile', 'cluster id', 'state', 'engines', 'launcher', 'started'], ...rows])
        : 'no clusters';
    print(flags.json, { clusters }, text);
  }
}
