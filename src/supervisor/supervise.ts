import { hostname } from 'node:os';
import { removeEmptyFolder, removeFile } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import type { Log } from '../base/log.js';
import { packageVersion } from '../base/package.js';
import type { Deferred } from '../base/wait.js';
import { socketFolder } from '../profile/paths.js';
import { Session } from '../protocol/message.js';
import { protocolVersion } from '../protocol/messages.js';
import { Peer } from '../transport/peer.js';
import type { EngineSettings } from './engine-child.js';
import { EngineSet } from './engine-set.js';
import { type JoinOptions, joinController } from './join.js';
import { Relay } from './relay.js';

export interface SuperviseOptions {
  settings: EngineSettings;
  count: number;
  /** Ids to ask for; none means whatever comes next. */
  ids: readonly number[];
  join: Omit<JoinOptions, 'jobFolder' | 'log' | 'signal'>;
  log: Log;
  /** Settles when it is time to end, with the reason. */
  end: Deferred<string>;
}

/**
 * A supervisor's life: engines start and the controller is looked for side by side; then both are joined, until somebody wants
 * the end, the controller is gone, or no engine is left. Nothing of it stays behind.
 */
export async function supervise({ settings, count, ids, join, log, end }: SuperviseOptions): Promise<void> {
  const stop = new AbortController();
  const relay = new Relay();
  const engines = new EngineSet(settings, log, relay);
  const register = async (): Promise<void> => {
    const jobFolder = process.env['IPCLUSTER_JOB_DIR'];
    const { link } = await joinController({ ...join, jobFolder, log, signal: stop.signal });
    const peer = new Peer(link, new Session(newSession()));
    relay.connect(peer, engines);
    void link.closed.then(() => end.resolve('the connection to the controller is closed'));
    const content = {
      version: packageVersion(),
      protocol: protocolVersion,
      host: hostname(),
      pid: process.pid,
      count,
      ids: [...ids],
      rank: null,
    };
    const reply = await peer.request({ type: 'registration_request', content });
    engines.name(reply.content.ids);
    log.info(`joined as ${reply.content.supervisor} with engines ${reply.content.ids.join(' ')}`);
  };
  try {
    await engines.start(count);
    void engines.empty.then(end.resolve);
    register().catch(end.reject);
    log.info(`ending: ${await end.promise}`);
  } finally {
    stop.abort();
    await engines.close();
    await removeFile(settings.socketPath);
    await removeEmptyFolder(socketFolder());
  }
}
