import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { messageOf } from '../../base/errors.js';
import { longestDelay } from '../../base/timer.js';
import { type Bound, deferred } from '../../base/wait.js';
import type { Configuration } from './configuration.js';
import type { Connection, Target } from './connection.js';
import { asHostError, hostError } from './failures.js';
import { unreached } from './hops.js';
import type { Host } from './hosts.js';
import { judgeKey, knownKeys, wantedAlgorithms } from './known-hosts.js';
import { offerOf } from './offer.js';
import { openProxyCommand, type Way } from './proxy-command.js';
import { runScript } from './run-script.js';

/** A connection that others may go through (ProxyJump). */
export interface LibraryConnection extends Connection {
  reach(target: Target): Promise<Duplex>;
}

/** The last host on the way to another one, and the connection to it. */
export interface Gate {
  host: Host;
  connection: LibraryConnection;
}

/**
 * Opens a connection with ssh2. Host keys are held against the user's known_hosts, whatever his configuration
 * says of unknown ones. Throws {@link HostError}.
 */
export async function openWithLibrary(
  configuration: Configuration,
  { timeout, signal }: Bound,
  gate?: Gate,
): Promise<LibraryConnection> {
  const { hostname, port, user, hostKeyAlgorithms } = configuration;
  const known = await knownKeys(configuration);
  const offer = await offerOf(configuration);
  let judged: string | undefined;
  const algorithms = wantedAlgorithms(known, hostKeyAlgorithms);
  const client = new ssh2.Client();
  const opened = deferred<void>();
  const closed = deferred<string>();
  let last = 'the connection was closed';
  const way = await openWay(configuration, gate);
  const refuse = async (words: string): Promise<void> =>
    opened.reject((await way?.failure()) ?? hostError(words));
  client.once('ready', () => opened.resolve());
  client.on('error', (error) => {
    last = judged ?? messageOf(error);
    const refused =
      offer.left.length > 0 ? [`${user}@${hostname}: Permission denied (${offer.left.join(',')})`] : [];
    void refuse([...offer.said, last, ...(isRefusal(last) ? refused : [])].join('\n'));
  });
  client.once('close', () => {
    way?.close();
    void refuse(`Connection closed: ${last}`);
    closed.resolve(last);
  });
  client.connect({
    host: hostname,
    port,
    username: user,
    readyTimeout: Math.min(timeout, longestDelay),
    keepaliveInterval: 15_000,
    keepaliveCountMax: 3,
    ...(way && { sock: way.stream as never }),
    authHandler: offer.next as never,
    hostVerifier: (key: Buffer) => {
      judged = judgeKey(known, key.toString('latin1', 4, 4 + key.readUInt32BE(0)), key.toString('base64'));
      return judged === undefined;
    },
    ...(algorithms && { algorithms: { serverHostKey: algorithms as never } }),
  });
  const giveUp = (): void => void client.destroy();
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  try {
    await opened.promise;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  return connectionOf(client, closed.promise);
}

/** RFC 4254, 5.1: the reason SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const isProhibited = (error: Error): boolean => 'reason' in error && error.reason === 1;

const isRefusal = (said: string): boolean => /authentication methods failed/.test(said);

/**
 * What leads to a host in place of a connection of its own: the host before it, or a command; undefined for
 * none.
 */
async function openWay(
  { hostname, port, proxyCommand }: Configuration,
  gate?: Gate,
): Promise<Way | undefined> {
  if (!gate) return proxyCommand === undefined ? undefined : openProxyCommand(proxyCommand);
  const stream = await gate.connection.reach({ host: hostname, port }).catch((error: unknown) => {
    throw unreached(gate.host, asHostError(error));
  });
  return { stream, failure: async () => undefined, close: () => {} };
}

function connectionOf(client: ssh2.Client, closed: Promise<string>): LibraryConnection {
  const tunnels = new Map<number, Target>();
  client.on('tcp connection', ({ destPort }, accept, reject) => {
    const target = tunnels.get(destPort);
    if (!target) return reject();
    const local = connectTcp(target.port, target.host);
    const remote = accept();
    // Either end may break at any time; the other one then ends too.
    local.on('error', () => remote.destroy()).on('close', () => remote.destroy());
    remote.on('error', () => local.destroy()).on('close', () => local.destroy());
    local.pipe(remote).pipe(local);
  });
  return {
    closed,
    run: (script, timeout) => runScript(client, script, timeout),
    forward: (port, target) =>
      new Promise((resolve, reject) => {
        client.forwardIn('127.0.0.1', port, (error, bound) => {
          if (error) return reject(hostError(`remote port forwarding failed: ${error.message}`));
          tunnels.set(bound || port, target);
          resolve(bound || port);
        });
      }),
    reach: ({ host, port }) =>
      new Promise((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, host, port, (error, stream) =>
          error
            ? reject(
                hostError(
                  isProhibited(error) ? `administratively prohibited: ${error.message}` : error.message,
                ),
              )
            : resolve(stream),
        );
      }),
    close: async () => void client.end(),
  };
}
