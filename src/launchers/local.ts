import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { lastLines, readJsonIfWhole, writeWhole } from '../base/files.js';
import { quoteCommand, quoteWord } from '../base/shell.js';
import { defineLauncher, type Job, type JobRef, type JobSpec, type Launcher } from '../launcher-kit/contract.js';
import { exitRecordLines, readExitRecord } from '../launcher-kit/exit-record.js';
import { observeJob } from '../launcher-kit/observed-job.js';
import { z } from '../launcher-kit/options.js';
import { type LaunchPlan, writePlan } from '../launcher-kit/plan.js';
import type { JobStatus } from '../launcher-kit/states.js';
import { endGroups } from '../processes/end.js';
import { type Started, startProcess } from '../processes/start.js';
import { identify, isAlive, type ProcessIdentity, signalPid } from '../processes/table.js';

/** A job that has ended on its own terms gets so long to end (milliseconds), then it is killed. */
const grace = 5000;
const interval = 200;
const cancelFile = (jobDir: string): string => join(jobDir, 'cancelled.json');
const refFile = (jobDir: string): string => join(jobDir, 'job.json');

function plan({ name, argv, count, env, jobDir }: JobSpec, cwd: string | undefined): LaunchPlan {
  const variables = { ...env, IPCLUSTER_JOB_DIR: jobDir, IPCLUSTER_COUNT: String(count) };
  const script = [
    '#!/bin/sh',
    `# ${name}: a job of ipcluster on this machine. It leads its own process group; its exit record is written at the end.`,
    'trap : TERM INT HUP USR1 USR2',
    ...Object.entries(variables).map(([key, value]) => `export ${key}=${quoteWord(value)}`),
    ...(cwd ? [`cd ${quoteWord(cwd)} || exit 1`] : []),
    `${quoteCommand(argv)} >>${quoteWord(join(jobDir, 'stdout'))} 2>>${quoteWord(join(jobDir, 'stderr'))}`,
    ...exitRecordLines(jobDir, '0'),
    '',
  ];
  const path = join(jobDir, 'job.sh');
  return { files: [{ path, text: script.join('\n'), mode: 0o700 }], commands: [{ argv: ['/bin/sh', path] }] };
}

/** A job's leader is recorded with its start time, so that its pid is never taken for another's. */
const encodeId = ({ pid, startTime }: ProcessIdentity): string => `${pid}@${startTime ?? ''}`;

function decodeId(id: string | undefined): ProcessIdentity {
  const match = /^(\d+)@(\d*)$/.exec(id ?? '');
  if (!match) throw new IpclusterError('NOT_FOUND', `"${id ?? ''}" is no id of a local job.`);
  return { pid: Number(match[1]), startTime: match[2] ? Number(match[2]) : null };
}

async function statusOf(leader: ProcessIdentity, jobDir: string): Promise<JobStatus> {
  const alive = isAlive(leader);
  const record = await readExitRecord(jobDir);
  if (!alive && existsSync(cancelFile(jobDir))) return { incarnation: 0, state: { state: 'cancelled', by: 'ipcluster' } };
  if (record?.exitCode === 0) return { incarnation: 0, state: { state: 'succeeded' } };
  if (record) {
    const { exitCode } = record;
    return { incarnation: 0, state: { state: 'failed', exitCode, reason: `exit code ${exitCode}` } };
  }
  if (alive) return { incarnation: 0, state: { state: 'running' } };
  return { incarnation: 0, state: { state: 'lost', reason: 'its process is gone and left no exit record: killed from outside' } };
}

function observe(ref: JobRef, started?: Started): Job {
  const leader = decodeId(ref.ids[0]);
  return observeJob({
    ref,
    initial: { incarnation: 0, state: { state: 'running' } },
    probe: () => statusOf(leader, ref.jobDir),
    interval,
    hint: started?.exited,
    cancel: async () => {
      if (!isAlive(leader)) return;
      writeWhole(cancelFile(ref.jobDir), `${JSON.stringify({ by: 'ipcluster' })}\n`);
      const left = await endGroups([leader], { grace });
      if (left.length > 0) throw new IpclusterError('STOP_FAILED', `Process ${leader.pid} does not end.`);
    },
    signal: async (name) => {
      if (isAlive(leader)) signalPid(-leader.pid, name);
    },
    logTail: (lines) => lastLines(join(ref.jobDir, 'stderr'), lines),
  });
}

function create({ cwd }: { cwd?: string | undefined }): Launcher {
  return {
    name: 'local',
    plan: (spec) => plan(spec, cwd),
    async launch(spec, { signal } = {}) {
      signal?.throwIfAborted();
      const planned = plan(spec, cwd);
      writePlan(planned);
      const [command] = planned.commands;
      const started = await startProcess({ argv: command?.argv ?? ['false'], env: { ...process.env, ...spec.env } });
      const leader = identify(started.pid) ?? { pid: started.pid, startTime: null };
      const ref: JobRef = { launcher: 'local', ids: [encodeId(leader)], jobDir: spec.jobDir };
      writeWhole(refFile(spec.jobDir), `${JSON.stringify(ref)}\n`);
      started.release();
      return observe(ref, started);
    },
    attach: async (ref) => observe(ref),
    async find(jobsFolder) {
      const names = await readdir(jobsFolder).catch(() => []);
      const refs = await Promise.all(names.map((name) => readJsonIfWhole(refFile(join(jobsFolder, name)))));
      return (refs as (JobRef | undefined)[]).flatMap((ref) =>
        ref?.launcher === 'local' && isAlive(decodeId(ref.ids[0])) ? [ref] : [],
      );
    },
    explain({ status: { state }, logTail }) {
      if (state.state !== 'failed' && state.state !== 'lost') return undefined;
      // Advice and stacks are indented; the sentence is not.
      const last = logTail.findLast((line) => !/^\s/.test(line));
      return {
        sentence: `It ended (${state.reason})${last ? `; its last words: ${last}` : ' and said nothing'}.`,
        suggestions: [],
      };
    },
  };
}

/** Starts jobs as processes of this machine. */
export default defineLauncher({
  name: 'local',
  summary: 'processes of this machine',
  options: z.object({ cwd: z.string().optional().describe('working folder of the engines; this one when absent') }),
  create,
});
