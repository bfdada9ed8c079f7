import { newSession, newToken } from '../base/identifiers.js';
import { Session } from '../protocol/message.js';
import type { GatewayOptions, OpenGateway } from '../transport/gateway-door.js';
import { Peer } from '../transport/peer.js';
import { ClientSide } from './client-side.js';
import { Directory } from './directory.js';
import { type Curve, makeCurve } from './endpoint.js';
import { EngineSide } from './engine-side.js';
import { IndependentEngines } from './independent-engines.js';
import { Signer } from './signer.js';

/** What a gateway keeps, so that the one after it is met at the same ports with the same keys. */
interface Kept {
  key: string;
  curve: Curve | undefined;
  ports: Record<string, number>;
}

/** Opens both sides for the Python programs of the controller's machine. */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { connect, lease, log, heartbeat, known } = options;
  const { key, curve, ports } = keptFrom(options);
  const signer = new Signer(key);
  const independent = await IndependentEngines.join(await connect('engine'), lease, known, log);
  const engines = new EngineSide({ signer, curve, ports, heartbeat, host: independent, log, judge: true });
  const client = await openClientSide(options, { key, curve, ports }, signer);
  const enginePorts = await engines.open();
  independent.serve(engines, known);
  const common = commonFields({ key, curve }, options.location);
  const allPorts = { ...named('engine', enginePorts), ...named('client', client.ports) };
  return {
    engine: { ...common, ...enginePorts, broadcast: [enginePorts.broadcast] },
    client: { ...common, ...client.ports, task_scheme: 'leastload' },
    state: { key, curve, ports: allPorts } satisfies Kept,
    async close(stay) {
      await client.side.close(stay);
      // Where nobody can come back to this controller, engines end with it, as those with a supervisor do.
      if (!stay) await independent.endAll();
      await engines.close();
      independent.close();
    },
  };
}

/** Opens the side of Python's clients alone, for those of a machine that is not the controller's. */
export async function openClientSide(
  { connect, lease, log }: Pick<GatewayOptions, 'connect' | 'lease' | 'log'>,
  { curve, ports }: Kept,
  signer: Signer,
): Promise<{ side: ClientSide; ports: Awaited<ReturnType<ClientSide['open']>>; observer: Peer }> {
  const directory = new Directory((event) => side.tell(event));
  const side = new ClientSide({
    signer,
    curve,
    ports,
    directory,
    connect: () => connect('client'),
    lease,
    log,
  });
  const link = await connect('client');
  link.keepLease(lease);
  const observer = new Peer(link, new Session(newSession()));
  const opened = await side.open();
  await directory.follow(observer);
  return { side, ports: opened, observer };
}

/** New keys, or those of the gateway before. */
export function keptFrom({ before, curve }: Pick<GatewayOptions, 'before' | 'curve'>): Kept {
  const kept = before as Partial<Kept> | undefined;
  return {
    key: kept?.key ?? newToken(),
    curve: curve ? (kept?.curve ?? makeCurve()) : undefined,
    ports: kept?.ports ?? {},
  };
}

const named = (side: string, ports: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(ports).map(([name, port]) => [`${side} ${name}`, port]));

/** What both of Python's connection files say. */
export function commonFields(
  { key, curve }: Pick<Kept, 'key' | 'curve'>,
  location: string,
): Record<string, unknown> {
  return {
    ssh: '',
    interface: 'tcp://127.0.0.1',
    location,
    key,
    curve_serverkey: curve?.publicKey ?? null,
    pack: 'json',
    unpack: 'json',
    signature_scheme: 'hmac-sha256',
  };
}
