import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import type { JobRef } from '../launcher-kit/contract.js';
import { ownLaunchers } from '../launcher-kit/registry.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { jobNames, launcherOf } from './jobs.js';

/**
 * Live jobs of a cluster in batch systems, found by their names: also from another login node, and where no
 * file tells of them. With a cluster file only its own launcher is asked, else all whose system is on this
 * machine. `silent` has a sentence for each system that does not answer: what it has is not known.
 */
export async function strayJobs(
  place: Place,
  file?: ClusterFile,
): Promise<{ found: JobRef[]; silent: string[] }> {
  const silent: string[] = [];
  const names = file
    ? [...new Set([file.launcher, ...file.jobs.map(({ launcher }) => launcher)])]
    : ownLaunchers();
  const found = await Promise.all(
    names.map(async (name) => {
      const launcher = await launcherOf(
        name,
        file?.jobs.find((job) => job.launcher === name)?.options ?? [],
      ).catch(ignoreUnknown);
      if (launcher?.reach !== 'elsewhere') return [];
      return launcher.find(pathsOf(place).jobs, jobNames(place)).catch((error: unknown): JobRef[] => {
        if (!isIpclusterError(error) || error.code !== 'SCHEDULER_SILENT') throw error;
        silent.push(error.message);
        return [];
      });
    }),
  );
  return { found: found.flat(), silent };
}

/** A launcher of somebody's own may be gone; what is left of its jobs is not for us to find. */
function ignoreUnknown(error: unknown): undefined {
  if (error instanceof IpclusterError && error.code === 'LAUNCHER_UNKNOWN') return undefined;
  throw error;
}

/**
 * Cancels jobs side by side and waits until they are gone; answers sentences about those of which that cannot
 * be known.
 */
export async function cancelAll(refs: readonly JobRef[]): Promise<string[]> {
  const ends = refs.map(async (ref): Promise<string[]> => {
    const job = await (await launcherOf(ref.launcher, [])).attach(ref);
    try {
      await job.cancel();
      return [];
    } catch (error) {
      return [messageOf(error)];
    } finally {
      await job[Symbol.asyncDispose]();
    }
  });
  return (await Promise.all(ends)).flat();
}
