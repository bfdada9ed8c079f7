import { Command } from '@oclif/core';
import { connectTo } from '../cluster/find.js';
import { pathsOf } from '../profile/paths.js';
import { commonFlags, placeOf, print } from './shared.js';

export default class Connect extends Command {
  static override summary = 'print the lines that connect a program to the cluster';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Connect);
    const place = placeOf(flags);
    await using client = await connectTo(place);
    const { clientFile } = pathsOf(place);
    const options = [`profile: '${place.profile}'`, ...(place.clusterId ? [`clusterId: '${place.clusterId}'`] : [])].join(', ');
    const { port, addresses } = client.connection;
    const code = [
      "import { Client } from 'ipcluster';",
      `const client = await Client.connect({ ${options} });`,
      "await client.direct('all').execute('engineId');",
    ].join('\n');
    const elsewhere = addresses.every((address) => address.startsWith('127.'))
      ? 'From another machine: start the cluster with --ip, then copy the file there (mode 0600) and connect with { file }.'
      : `From another machine: copy the file there (mode 0600) and connect with { file: '…' }; it reaches port ${port} of ${addresses.join(', ')}.`;
    print(
      flags.json,
      { code, connectionFile: clientFile, addresses, port },
      `${code}\n\nconnection file: ${clientFile}\n${elsewhere}`,
    );
  }
}
