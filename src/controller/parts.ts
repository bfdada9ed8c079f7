import type { Log } from '../base/log.js';
import { collectAtRest } from '../base/rest.js';
import { pathsOf } from '../profile/paths.js';
import type { RegisteredFile } from '../profile/registered-file.js';
import type { Session } from '../protocol/message.js';
import { Broker } from './broker.js';
import { ClientDoor } from './client-door.js';
import { Clients } from './clients.js';
import type { ControllerOptions } from './controller-options.js';
import { Hub } from './hub.js';
import { Intake } from './intake.js';
import type { Keys } from './keys.js';
import { Receipts } from './receipts.js';
import { Registrar } from './registrar.js';
import { Rejoining } from './rejoining.js';
import { Replies } from './replies.js';
import { Store } from './store.js';
import { SupervisorDoor } from './supervisor-door.js';
import { Supervisors } from './supervisors.js';

/** The parts of a controller: what it knows and decides, and the doors by which others reach that. */
export interface Parts {
  store: Store;
  clients: Clients;
  broker: Broker;
  supervisors: Supervisors;
  registrar: Registrar;
  rejoining: Rejoining;
  intake: Intake;
  hub: Hub;
  clientDoor: ClientDoor;
  supervisorDoor: SupervisorDoor;
}

/** What the parts are told of the controller around them. */
export interface Surroundings {
  session: Session;
  /** Names this run of the controller. */
  nonce: string;
  /** Who was registered with the controller before, where this one goes on for it. */
  before: RegisteredFile | undefined;
  /** Where it listens. */
  addresses: () => string[];
  /** Lets the supervisors of a batch job join, by its folder. */
  join: (folder: string) => void;
}

/** The store, and what tells others what has become of what they sent. */
function openStore(options: ControllerOptions, session: Session, broker: () => Broker) {
  const receipts = { clients: new Receipts(session, true), supervisors: new Receipts(session, false) };
  const { place, reuse, keep, log } = options;
  const store = Store.open({ path: pathsOf(place).store, reuse, keep }, log, {
    flushed: () => {
      const sealed = [receipts.clients.seal(), receipts.supervisors.seal()];
      return (commitment) => {
        for (const confirm of sealed) confirm(commitment);
      };
    },
    recovered: () => receipts.clients.recovered(),
    committed: (rows) => broker().balanced.committed(rows),
    refused: (id, reason) => broker().balanced.refused(id, reason),
  });
  return { store, receipts };
}

/** Opens all parts; what an earlier controller has left undone is in them. */
export async function openParts(
  options: ControllerOptions,
  obtained: Keys,
  around: Surroundings,
): Promise<Parts> {
  const { place, log, lease, idleTimeout, ending, reuse } = options;
  const { session, before, addresses, join } = around;
  const expected = (before?.supervisors ?? []).map(({ name }) => name);
  const { store, receipts } = openStore(options, session, () => broker);
  const clients = new Clients(session, store);
  const broker = Broker.open({
    replies: new Replies(session, clients, store),
    store,
    clients,
    log,
    memory: obtained.keys.memory,
    next: before?.next ?? 0,
    patience: lease,
    expecting: expected.length > 0,
  });
  const supervisors = new Supervisors(broker, log, lease, () => registrar.changed());
  const registrar = new Registrar(
    pathsOf(place).registeredFile,
    around.nonce,
    broker.engines,
    supervisors,
    log,
  );
  if (reuse) await restore(broker, store, log);
  const rejoining = new Rejoining(expected, obtained.leaseBefore, log);
  void rejoining.settled.then(() => broker.settle());
  const intake = new Intake(options.intake, () => ({
    tasks: broker.balanced.queue.tasks.size,
    bytes: broker.balanced.bytes + broker.direct.bytes,
    backlog: store.backlog,
  }));
  const shutdown = (): void => ending.resolve('a client asked for it');
  const own = { clusterId: place.clusterId, lease, idleTimeout, addresses, join, shutdown };
  const hub = new Hub({ broker, store, clients, rejoining, session, receipts: receipts.clients, ...own });
  const common = { broker, log, session, onActivity: collectAtRest() };
  const clientDoor = new ClientDoor({ ...common, clients, hub, intake, store, receipts: receipts.clients });
  const supervisorDoor = new SupervisorDoor({
    ...common,
    supervisors,
    registrar,
    rejoining,
    receipts: receipts.supervisors,
  });
  return {
    store,
    clients,
    broker,
    supervisors,
    registrar,
    rejoining,
    intake,
    hub,
    clientDoor,
    supervisorDoor,
  };
}

/** Takes up the tasks of the controller before; without them nothing stays open. */
async function restore(broker: Broker, store: Store, log: Log): Promise<void> {
  try {
    log.info(`${await broker.balanced.restore(log)} tasks of the controller before were not finished`);
  } catch (error) {
    broker.close();
    await store.close();
    throw error;
  }
}
