import { statfsSync } from 'node:fs';
import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { describeCode } from '../base/signal-names.js';
import { endGroups, sweepMarked } from '../processes/end.js';
import { type Started, startProcess } from '../processes/start.js';
import {
  findMarked,
  identify,
  isAlive,
  isWithin,
  type ProcessIdentity,
  signalPid,
} from '../processes/table.js';
import type { Job, JobRef, JobSpec, Launcher } from './contract.js';
import { readExitRecord } from './exit-record.js';
import { explainEnd, noteCancel, readRefs, tailOfJob, wasCancelled, writeRef } from './job-files.js';
import { observeJob } from './observed-job.js';
import { type LaunchPlan, writePlan } from './plan.js';
import type { JobStatus } from './states.js';

/** A job that has ended on its own terms gets so long to end (milliseconds), then it is killed. */
const grace = 5000;
const interval = 200;

/** A launcher whose jobs are led by a process of this machine; only what their script says differs. */
export function processLauncher(name: string, plan: (spec: JobSpec) => LaunchPlan): Launcher {
  return {
    name,
    reach: 'here',
    plan,
    async launch(spec, { signal } = {}) {
      signal?.throwIfAborted();
      const planned = plan(spec);
      writePlan(planned);
      const [command] = planned.commands;
      const started = await startProcess({
        argv: command?.argv ?? ['false'],
        env: { ...process.env, ...spec.env },
      });
      const leader = identify(started.pid) ?? { pid: started.pid, startTime: null };
      const ref: JobRef = { launcher: name, ids: [encodeId(leader)], jobDir: spec.jobDir };
      writeRef(ref);
      started.release();
      return observe(ref, started);
    },
    attach: async (ref) => observe(ref),
    async find(jobsFolder) {
      const refs = await readRefs(jobsFolder, name);
      return refs.filter(({ ids }) => isHere(decodeId(ids[0])) && isAlive(decodeId(ids[0])));
    },
    explain: explainEnd,
  };
}

/** The process that leads a job, and the host whose it is: on another one that number is somebody else's. */
interface Leader extends ProcessIdentity {
  host: string;
}

/**
 * A job's leader is recorded with its start time and its host, so that its pid is never taken for another's.
 */
const encodeId = ({ pid, startTime }: ProcessIdentity): string => `${pid}@${startTime ?? ''}@${hostname()}`;

function decodeId(id: string | undefined): Leader {
  const match = /^(\d+)@(\d*)(?:@(.+))?$/.exec(id ?? '');
  if (!match) throw new IpclusterError('NOT_FOUND', `"${id ?? ''}" is no id of a local job.`);
  return {
    pid: Number(match[1]),
    startTime: match[2] ? Number(match[2]) : null,
    host: match[3] ?? hostname(),
  };
}

/**
 * A computer that moves between networks may get another name with each (macOS); those that share a disk do
 * not.
 */
const isHere = ({ host }: Leader): boolean => host === hostname() || process.platform === 'darwin';

const unseen = ({ host }: Leader): string => `it runs on ${host}, whose processes are not seen from here`;

async function statusOf(leader: Leader, jobDir: string, since: string): Promise<JobStatus> {
  const alive = !isHere(leader) || isAlive(leader);
  const record = await readExitRecord(jobDir);
  if (!alive && wasCancelled(jobDir))
    return { incarnation: 0, state: { state: 'cancelled', by: 'ipcluster' } };
  if (record?.exitCode === 0) return { incarnation: 0, state: { state: 'succeeded' } };
  if (record) {
    const { exitCode } = record;
    return { incarnation: 0, state: { state: 'failed', exitCode, reason: describeCode(exitCode) } };
  }
  if (!isHere(leader)) return { incarnation: 0, state: { state: 'unknown', since, cause: unseen(leader) } };
  if (alive) return { incarnation: 0, state: { state: 'running' } };
  return {
    incarnation: 0,
    state: { state: 'lost', reason: `its process is gone and left no exit record: ${whyNone(jobDir)}` },
  };
}

/** Less room than this is none (bytes). */
const leastRoom = 65_536;

/** A record that a full disk had no room for is no sign of a killer. */
function whyNone(jobDir: string): string {
  try {
    const { bavail, bsize } = statfsSync(jobDir);
    return bavail * bsize < leastRoom ? `the disk of ${jobDir} is full` : 'killed from outside';
  } catch {
    return `${jobDir} cannot be looked at`;
  }
}

function observe(ref: JobRef, started?: Started): Job {
  const leader = decodeId(ref.ids[0]);
  const since = new Date().toISOString();
  return observeJob({
    ref,
    initial: { incarnation: 0, state: { state: 'running' } },
    probe: () => statusOf(leader, ref.jobDir, since),
    interval,
    hint: started?.exited,
    cancel: async () => {
      if (!isHere(leader)) return refuseUnseen(leader, ref.jobDir);
      if (!isAlive(leader)) return;
      noteCancel(ref.jobDir);
      const mark = findMarked(() => true).find(({ pid }) => pid === leader.pid)?.mark;
      const left = await endGroups([leader], { grace });
      // What has left its group, as the ranks of mpirun do, still carries its mark.
      if (mark !== undefined) await sweepMarked((found) => isWithin(found, mark));
      if (left.length > 0) throw new IpclusterError('STOP_FAILED', `Process ${leader.pid} does not end.`);
    },
    signal: async (signal) => {
      if (isHere(leader) && isAlive(leader)) signalPid(-leader.pid, signal);
    },
    logTail: (lines) => tailOfJob(ref.jobDir, lines),
  });
}

/**
 * Where a job's processes are on another host, its own last word is all that can be known of its end. Throws
 * STOP_FAILED.
 */
async function refuseUnseen(leader: Leader, jobDir: string): Promise<void> {
  if (await readExitRecord(jobDir)) return;
  throw new IpclusterError('STOP_FAILED', `Process ${leader.pid} was not ended: ${unseen(leader)}.`, {
    suggestions: [`There: \`ipcluster stop\`, on ${leader.host}.`, 'Or end the allocation that it is in.'],
  });
}
