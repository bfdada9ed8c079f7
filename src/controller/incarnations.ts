import { IpclusterError } from '../base/errors.js';
import type { AllocationContent } from '../protocol/messages.js';
import type { Supervisor } from './supervisor.js';

/**
 * Runs of batch jobs: a scheduler may start a job again, and who belongs to an earlier run has no place any
 * more.
 */
export class Incarnations {
  readonly #latest = new Map<string, number>();

  /** A supervisor comes. Throws SUPERSEDED when its run is over. */
  admit(allocation: AllocationContent | null, holder: string, lease: number): void {
    if (!allocation) return;
    const { job, incarnation, deadline } = allocation;
    // Runs are counted for each token by itself: nobody ends another's job.
    const key = `${holder}\n${keyOf(allocation)}`;
    const latest = this.#latest.get(key) ?? 0;
    if (incarnation < latest)
      throw new IpclusterError(
        'SUPERSEDED',
        `The scheduler has started ${job} again (run ${latest}); this is its run ${incarnation}.`,
      );
    if (deadline !== null && Date.now() > deadline + lease)
      throw new IpclusterError(
        'SUPERSEDED',
        `The time of ${job} was over at ${new Date(deadline).toISOString()}.`,
      );
    this.#latest.set(key, incarnation);
  }

  /** True for a supervisor of an earlier run than that one. */
  isOutdated(supervisor: Supervisor, { allocation }: { allocation: AllocationContent | null }): boolean {
    if (!allocation || !supervisor.allocation) return false;
    return (
      keyOf(supervisor.allocation) === keyOf(allocation) &&
      supervisor.allocation.incarnation < allocation.incarnation
    );
  }
}

/** True for two supervisors of one run of a job, or of one element of an array. */
export const isSameRun = (one: AllocationContent, other: AllocationContent): boolean =>
  keyOf(one) === keyOf(other) && one.incarnation === other.incarnation;

const keyOf = ({ job, element }: AllocationContent): string => `${job}/${element ?? ''}`;
