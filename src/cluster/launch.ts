import { isIpclusterError } from '../base/errors.js';
import { closeFolder } from '../base/own-folder.js';
import type { Job, JobRef } from '../launcher-kit/contract.js';
import type { RecordedJob } from '../profile/cluster-file.js';
import type { PreparedJob, StartRequest } from './prepare.js';

/** What of a request a job's record keeps. */
export type LaunchRequest = Pick<
  StartRequest,
  'batch' | 'count' | 'launcher' | 'launcherOptions' | 'launcherWord' | 'onNotice'
>;

/**
 * Launches a job, its folder there before anything is started, and has it written down by `record` as soon as
 * its system has taken it. One whose system did not answer may have been taken all the same: it is written
 * down by its name, and the error thrown. Throws SUBMIT_REFUSED, or what the launcher throws.
 */
export async function launchAndRecord(
  prepared: PreparedJob,
  request: LaunchRequest,
  record: (job: RecordedJob) => void | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<Job> {
  const { launcher, spec } = prepared;
  closeFolder(spec.jobDir);
  try {
    const job = await launcher.launch(spec, { signal, onNotice: request.onNotice });
    await record(recordOf(prepared, request, job.ref));
    return job;
  } catch (error) {
    if (isIpclusterError(error) && error.verdict === 'scheduler-silent')
      await record(
        recordOf(prepared, request, {
          launcher: launcher.name,
          ids: [],
          jobDir: spec.jobDir,
          name: spec.name,
        }),
      );
    throw error;
  }
}

/**
 * What is written down of a launched job; a controller of its own place has no options of the launcher that
 * was named.
 */
function recordOf({ launcher, role }: PreparedJob, request: LaunchRequest, ref: JobRef): RecordedJob {
  const isNamed = launcher === request.launcher;
  const { time, cpusPerTask } = request.batch.resources;
  return {
    ...ref,
    launcher: isNamed ? request.launcherWord : launcher.name,
    options: isNamed ? [...request.launcherOptions] : [],
    role,
    count: role === 'controller' ? 1 : request.count,
    limits: { time, cpusPerTask },
  };
}
