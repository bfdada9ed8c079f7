import { isIpclusterError, messageOf } from '../base/errors.js';
import { sleep } from '../base/wait.js';
import { Client } from '../client/client.js';
import type { Job } from '../launcher-kit/contract.js';
import { countLost } from '../launcher-kit/node-ends.js';
import { pathsOf } from '../profile/paths.js';
import { readRegisteredFile } from '../profile/registered-file.js';
import type { StartRequest } from './prepare.js';
import { describeJobs, runClock, tooFew, type Watch, watchArrays } from './registration-clock.js';

/** Files on shared disks are looked at this often only. */
const fileInterval = 1000;

/** Who has registered, by the controller's word or by its file. */
interface Registered {
  client: Client | undefined;
  count: number;
}

/**
 * Waits for engines to register. The clock runs only for what runs: time in a queue is nobody's fault, and
 * bounded only by the queue's own limit. Throws REGISTRATION_TIMEOUT, QUEUE_TIMEOUT, or what makes the
 * controller unusable.
 */
export async function awaitRegistration(
  request: StartRequest,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<Registered> {
  const { count, minEngines = count, onProgress } = request;
  const enough = Math.min(minEngines, count);
  const late = new AbortController();
  const bound = AbortSignal.any([signal, late.signal]);
  const watch: Watch = { have: 0, away: 0, reason: undefined };
  const stopClock = runClock(request, jobs, watch, late);
  const unseen = (error: unknown): void => {
    if (!bound.aborted)
      request.onNotice?.(`Nodes and elements that end are not seen at once: ${messageOf(error)}`);
  };
  watchArrays(request, jobs, watch, late, bound).catch(unseen);
  watchNodes(request, jobs, enough, late, bound).catch(unseen);
  const progress = (have: number): void => {
    watch.have = have;
    onProgress?.(have, count, describeJobs(jobs));
  };
  try {
    const byFile = readOverAndOver(request, enough, progress, bound);
    const byController = connectAndWait(request, enough, progress, bound, watch);
    byFile.catch(() => {});
    byController.catch(() => {});
    const first = await Promise.race([byController, byFile]);
    // The file is a moment faster; a controller that can be reached is worth that moment.
    return first.client || watch.reason ? first : await byController;
  } finally {
    stopClock();
    late.abort(new Error('over'));
  }
}

/** Ends the wait at once when nodes have ended and those that are left cannot bring enough. */
async function watchNodes(
  { count }: StartRequest,
  jobs: readonly Job[],
  enough: number,
  late: AbortController,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(fileInterval, signal);
    for (const { ref, status } of jobs.filter((job) => !job.ref.jobDir.endsWith('-controller'))) {
      const { lost, ends } = await countLost(ref.jobDir, count, status.incarnation);
      if (lost === 0 || count - lost >= enough) continue;
      const names = [...new Set(ends.map(({ node, index }) => node ?? `node ${index}`))].join(', ');
      late.abort(
        tooFew(
          lost,
          count,
          `${names} ended`,
          ends.map(({ path }) => path),
        ),
      );
    }
  }
}

/** One eye: the controller itself, which may not be reachable yet, or never from here. */
async function connectAndWait(
  request: StartRequest,
  enough: number,
  progress: (have: number) => void,
  signal: AbortSignal,
  watch: { reason: string | undefined },
): Promise<Registered> {
  const { place } = request;
  const never = Number.POSITIVE_INFINITY;
  for (;;) {
    try {
      const client = await Client.connect({
        file: pathsOf(place).clientFile,
        wait: true,
        timeout: never,
        dialTimeout: 5000,
        signal,
      });
      watch.reason = undefined;
      try {
        for (let have = client.ids.length; have < enough; ) {
          progress(have);
          have = (
            await client.waitForEngines(Math.min(enough, client.ids.length + 1), { timeout: never, signal })
          ).length;
        }
        progress(client.ids.length);
        return { client, count: client.ids.length };
      } catch (error) {
        await client.close();
        throw error;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isIpclusterError(error) || error.code !== 'UNREACHABLE') throw error;
      // It runs on another machine: its file says who is there.
      watch.reason = `The controller cannot be reached from here: ${error.message}`;
      await sleep(fileInterval, signal);
    }
  }
}

/** The other eye: the file that the controller keeps of who is registered. */
async function readOverAndOver(
  { place, count }: StartRequest,
  enough: number,
  progress: (have: number) => void,
  signal: AbortSignal,
): Promise<Registered> {
  for (;;) {
    await sleep(fileInterval, signal);
    const file = await readRegisteredFile(pathsOf(place).registeredFile);
    const have = file?.supervisors.reduce((sum, { engines }) => sum + engines.length, 0) ?? 0;
    if (file && count > 0) progress(have);
    if (file && count > 0 && have >= enough) return { client: undefined, count: have };
  }
}
