import { resolve } from 'node:path';
import { Command, Flags } from '@oclif/core';
import { IpclusterError } from '../base/errors.js';
import { connectTo } from '../cluster/find.js';
import { openRelay } from '../cluster/relay.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { commonFlags, Interrupted, interruption, placeOf, print } from './shared.js';

export default class Connect extends Command {
  static override summary = 'print the lines that connect a program to the cluster';
  static override description =
    'For programs in TypeScript and Python. With --relay a Python client of another machine can connect.';
  static override flags = {
    relay: Flags.boolean({
      description: "let this machine's Python clients reach a controller elsewhere, until Ctrl-C",
    }),
    file: Flags.string({
      description: "with --relay: the controller's connection file, copied here",
      helpValue: 'PATH',
    }),
    plain: Flags.boolean({ description: 'with --relay: without encryption on this machine' }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Connect);
    const place = placeOf(flags);
    if (flags.relay) return this.#relay(place, flags);
    if (flags.file !== undefined || flags.plain)
      throw new IpclusterError('USAGE', '--file and --plain go with --relay.');
    await using client = await connectTo(place);
    const { clientFile } = pathsOf(place);
    const options = [
      `profile: '${place.profile}'`,
      ...(place.clusterId ? [`clusterId: '${place.clusterId}'`] : []),
    ].join(', ');
    const { port, addresses } = client.connection;
    const code = [
      "import { Client } from 'ipcluster';",
      `const client = await Client.connect({ ${options} });`,
      "await client.direct('all').execute('engineId');",
    ].join('\n');
    const python = 'mux' in client.connection ? pythonLines(place) : undefined;
    const elsewhere = addresses.every((address) => address.startsWith('127.'))
      ? 'From another machine: start the cluster with --ip, then copy the file there (mode 0600).'
      : `From another machine: copy the file there (mode 0600); it reaches port ${port} of ` +
        `${addresses.join(', ')}.`;
    const text = [
      ...[code, ''],
      ...(python
        ? [`Python, on ${client.connection.host}:`, ...python]
        : ["Python's clients need a gateway: start with --gateway curve."]),
      ...['', `connection file: ${clientFile}`, elsewhere],
      "There, TypeScript connects with { file: '…' }, and Python after `ipcluster connect --relay --file …`.",
    ];
    print(
      flags.json,
      { code, python: python?.join('\n') ?? null, connectionFile: clientFile, addresses, port },
      text.join('\n'),
    );
  }

  /** Stays until it is told to end, or the controller ends. */
  async #relay(
    place: Place,
    { file, plain, json }: { file?: string | undefined; plain: boolean; json: boolean },
  ): Promise<void> {
    const signal = interruption();
    const relay = await openRelay(place, resolve(file ?? pathsOf(place).clientFile), plain, signal);
    const lines = ['import ipyparallel', `rc = ipyparallel.Client(${JSON.stringify(relay.file)})`];
    print(
      json,
      { python: lines.join('\n'), connectionFile: relay.file },
      [...lines, '', 'Ctrl-C ends the relay'].join('\n'),
    );
    const asked = new Promise<undefined>((done) =>
      signal.addEventListener('abort', () => done(undefined), { once: true }),
    );
    const said = await Promise.race([asked, relay.ended]);
    await relay.close();
    if (said === undefined) throw new Interrupted();
    process.stderr.write('the controller has ended\n');
  }
}

/** What Python's client needs to be told, in IPython's own words. */
function pythonLines({ profile, clusterId }: Place): string[] {
  const words = [`profile='${profile}'`, ...(clusterId ? [`cluster_id='${clusterId}'`] : [])];
  return [
    'import ipyparallel',
    `rc = ipyparallel.Client(${words.join(', ')})`,
    'rc[:].apply_sync(lambda: 6 * 7)',
  ];
}
