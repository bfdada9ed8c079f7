import { IpclusterError } from '../base/errors.js';
import { readJsonIfWhole } from '../base/files.js';
import { poll } from '../base/wait.js';
import { Client } from '../client/client.js';
import { sweepMarked } from '../processes/end.js';
import { findMarked } from '../processes/table.js';
import { type ClusterFile, type RecordedJob, writeClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { readRegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import { addEngines } from './engines.js';
import { findLiving } from './find.js';
import { launchAndRecord } from './launch.js';
import { failure, type PreparedJob, prepare, type StartedCluster, type StartRequest } from './prepare.js';

/**
 * The cluster file of a cluster whose controller does not answer and that was not stopped; undefined when
 * there is none.
 */
export async function canResurrect(place: Place): Promise<ClusterFile | undefined> {
  const { file, client } = await findLiving(place);
  await client?.close();
  return client ? undefined : file;
}

/**
 * Starts a controller in the place of one that was killed, with its keys and its tasks, waits for its
 * supervisors to come back, and starts engines for those that did not.
 */
export async function resurrect(request: StartRequest, file: ClusterFile): Promise<StartedCluster> {
  const begin = performance.now();
  const { onNotice = () => {}, signal, timeout } = request;
  const place = { ...request.place, workFolder: file.workFolder };
  const asked = { ...request, place, controllerArgs: [...request.controllerArgs, '--reuse'] };
  refuseElsewhere(request);
  const prepared = await prepare(asked, file.mark);
  const [controller] = prepared.jobs as [PreparedJob];
  // It does not answer, but may still hang somewhere.
  await sweepMarked((mark) => mark === `${file.mark}/controller`);
  if (
    !findMarked((mark) => mark.startsWith(`${file.mark}/`)).some(({ command }) =>
      command.includes('ipengine'),
    )
  )
    await expectNobody(pathsOf(place).registeredFile, file);
  const next: ClusterFile = { ...file, jobs: file.jobs.filter(({ role }) => role !== 'controller') };
  const record = (recorded: RecordedJob): void => {
    next.jobs = [recorded, ...next.jobs];
    writeClusterFile(place, next);
  };
  const job = await launchAndRecord(controller, asked, record, signal);
  const ended = failure(controller, job);
  ended.catch(() => {});
  const client = await Promise.race([rejoined(place, timeout, signal), ended]);
  onNotice(`${client.ids.length} of ${file.engines} engines came back to the new controller.`);
  const missing = Math.max(request.count, file.engines) - client.ids.length;
  // Nobody registers with a controller that has ended meanwhile.
  if (missing > 0) await Promise.race([addEngines({ ...request, place, count: missing }), ended]);
  return {
    place,
    file: next,
    client,
    registered: client.ids.length,
    controllerEnded: job.ended,
    took: performance.now() - begin,
  };
}

/**
 * Its supervisors come back to where the controller was; in a job it would have other addresses, and a queue
 * to wait in. Throws USAGE.
 */
function refuseElsewhere({ home }: StartRequest): void {
  if (home === 'here') return;
  throw new IpclusterError(
    'USAGE',
    `--reuse starts the controller on this machine, but --controller ${home} is wanted.`,
    {
      suggestions: [
        'Start it here: `--reuse --controller here`.',
        'Start anew: `ipcluster stop`, then without `--reuse`.',
      ],
    },
  );
}

/** Supervisors of this machine that are gone need not be waited for. */
async function expectNobody(path: string, { launcher }: ClusterFile): Promise<void> {
  const registered = launcher === 'local' ? await readRegisteredFile(path) : undefined;
  if (registered) await writeRegisteredFile(path, { ...registered, supervisors: [] });
}

async function rejoined(place: Place, timeout: number, signal: AbortSignal | undefined): Promise<Client> {
  const { clientFile } = pathsOf(place);
  const before = await nonceOf(clientFile);
  await poll(async () => ((await nonceOf(clientFile)) === before ? undefined : true), { timeout, signal });
  const client = await Client.connect({ file: clientFile, wait: true, timeout, ...(signal && { signal }) });
  const isSettled = async (): Promise<true | undefined> =>
    (await client.status()).controller.rejoining ? undefined : true;
  await poll(isSettled, { timeout: timeout + client.connection.lease, signal }, 200);
  return client;
}

async function nonceOf(path: string): Promise<string | undefined> {
  return ((await readJsonIfWhole(path)) as { nonce?: string } | undefined)?.nonce;
}
