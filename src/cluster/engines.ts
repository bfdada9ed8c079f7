import { IpclusterError } from '../base/errors.js';
import { closeFolder } from '../base/own-folder.js';
import { type RecordedJob, readClusterFile, writeClusterFile } from '../profile/cluster-file.js';
import { markOf, type Place } from '../profile/paths.js';
import { connectTo } from './find.js';
import { launchAndRecord } from './launch.js';
import { checkEngines, failure, prepareEngines, type StartRequest, survey } from './prepare.js';
import { awaitRegistration } from './registration.js';

export type AddRequest = Omit<StartRequest, 'reuse'>;

/**
 * Adds engines to a running cluster; answers the ids of all that are there then. Throws CLUSTER_NOT_FOUND,
 * JOB_FAILED.
 */
export async function addEngines(request: AddRequest): Promise<number[]> {
  const { count, launcher, signal } = request;
  await checkEngines(request);
  await using client = await connectTo(request.place);
  const file = await readClusterFile(request.place);
  // Its jobs lie where the cluster's do, whatever this command would take for a new one.
  const place = { ...request.place, workFolder: file?.workFolder ?? request.place.workFolder };
  const mark = file?.mark ?? markOf(place, client.connection.nonce);
  const prepared = prepareEngines({ ...request, place }, mark, `engines-${(file?.jobs.length ?? 0) + 1}`);
  await survey(prepared);
  const asked = launcher.describe?.(prepared.spec);
  if (asked !== undefined) request.onNotice?.(asked);
  const wanted = client.ids.length + count;
  const losers = new AbortController();
  const bound = AbortSignal.any([losers.signal, ...(signal ? [signal] : [])]);
  // Its connection file is there first: some launchers take it to their hosts themselves.
  if (launcher.reach === 'elsewhere') {
    closeFolder(prepared.spec.jobDir);
    await client.admitJob(prepared.spec.jobDir);
  }
  const job = await launchAndRecord(prepared, request, (recorded) => noteEngines(place, recorded), bound);
  try {
    const all = { ...request, place, count: wanted, reuse: false, minEngines: undefined };
    const { client: other } = await Promise.race([
      awaitRegistration(all, [job], bound),
      failure(prepared, job),
    ]);
    await other?.close();
    // The other connection may have heard of the last one before this one does.
    return (await client.status()).engines.map(({ id }) => id);
  } catch (error) {
    // What does not come is not left behind in a queue.
    if (launcher.reach === 'elsewhere') await job.cancel();
    throw error;
  } finally {
    losers.abort(new IpclusterError('CLOSED', 'The wait is over.'));
    await job[Symbol.asyncDispose]();
  }
}

/**
 * Puts a set of engines into the cluster file as it is now: another command may have added some meanwhile.
 */
async function noteEngines(place: Place, recorded: RecordedJob): Promise<void> {
  const file = await readClusterFile(place);
  if (file)
    writeClusterFile(place, {
      ...file,
      engines: file.engines + recorded.count,
      jobs: [...file.jobs, recorded],
    });
}
