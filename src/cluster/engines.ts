import { createLauncher, openLauncher } from '../launcher-kit/registry.js';
import { readClusterFile, writeClusterFile } from '../profile/cluster-file.js';
import { markOf, type Place } from '../profile/paths.js';
import { connectTo } from './find.js';
import { jobFailed, launchJob, makeSpec } from './jobs.js';

export interface AddRequest {
  place: Place;
  count: number;
  launcher: string;
  launcherOptions: readonly string[];
  engineArgs: readonly string[];
  timeout: number;
}

/** Adds engines to a running cluster; answers the ids of all that are there then. Throws CLUSTER_NOT_FOUND, JOB_FAILED. */
export async function addEngines(request: AddRequest): Promise<number[]> {
  const { place, count, launcher: name, launcherOptions, engineArgs, timeout } = request;
  const launcher = createLauncher(await openLauncher(name), launcherOptions);
  await using client = await connectTo(place);
  const file = await readClusterFile(place);
  const taken = file?.jobs.length ?? 0;
  const mark = file?.mark ?? markOf(place, client.connection.nonce);
  const args = ['--timeout', `${timeout}ms`, ...engineArgs];
  const spec = makeSpec({ place, mark, name: `engines-${taken + 1}`, program: 'ipengine', args, count });
  const wanted = client.ids.length + count;
  const job = await launchJob(launcher, spec);
  if (file)
    writeClusterFile(place, {
      ...file,
      engines: file.engines + count,
      jobs: [...file.jobs, { ...job.ref, role: 'engines', count }],
    });
  const failed = job.ended.then(async () => {
    throw await jobFailed(launcher, job, 'The engines');
  });
  try {
    return await Promise.race([client.waitForEngines(wanted, { timeout }), failed]);
  } finally {
    await job[Symbol.asyncDispose]();
  }
}
