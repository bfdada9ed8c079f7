import { join } from 'node:path';
import { lastLines } from '../base/files.js';
import { formatDuration } from '../base/quantities.js';
import type { Client } from '../client/client.js';
import { readExitRecord } from '../launcher-kit/exit-record.js';
import { describeState } from '../launcher-kit/states.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import type { Place } from '../profile/paths.js';
import type { StatusContent } from '../protocol/messages.js';
import { checkDisks, explainLog, type Finding } from './causes.js';
import { findCluster, notFound } from './find.js';
import { attachJob } from './jobs.js';
import { checkLimits } from './limits.js';
import { foldersOfJobs } from './logs.js';
import { listProcesses } from './processes.js';

/** Says why a cluster is as it is, from what the controller, the disk and the machine show. Throws CLUSTER_NOT_FOUND. */
export async function explainCluster(place: Place): Promise<Finding[]> {
  const { file, client, silence } = await findCluster(place);
  const where = file ? { ...place, workFolder: file.workFolder } : place;
  const folders = await foldersOfJobs(where);
  if (!file && !client && folders.length === 0) {
    // Nothing came to be; perhaps nothing could.
    const disks = checkDisks(place);
    if (disks.length > 0) return disks;
    throw silence ?? notFound(place);
  }
  const findings: Finding[] = [...stoppedProcesses(where)];
  if (client) {
    try {
      findings.push(...explainStatus(await client.status(), file));
    } finally {
      await client.close();
    }
  } else {
    findings.push(...(await explainSilence(where, file, silence?.message)));
  }
  for (const folder of folders) findings.push(...(await explainJob(folder, client)));
  const asked = file?.launcher === 'local' ? file.engines : 0;
  findings.push(...limitFindings(asked), ...checkDisks(where));
  return findings;
}

function stoppedProcesses(place: Place): Finding[] {
  const stopped = listProcesses(place).filter((process) => process.stopped);
  return stopped.map(({ what, pid }) => ({
    about: what === 'controller' ? 'controller' : 'engines',
    sentence: `The ${what} (pid ${pid}) is stopped by a signal: it neither works nor answers.`,
    suggestions: [`Let it go on: \`kill -CONT ${pid}\`.`],
  }));
}

/** What the controller itself knows. */
function explainStatus({ controller, engines, givenUp, queues }: StatusContent, file: ClusterFile | undefined): Finding[] {
  const findings: Finding[] = [];
  if (controller.rejoining)
    findings.push({ about: 'controller', sentence: 'It was started again and waits for the engines of the one before.' });
  if (controller.store.startsWith('memory') || controller.store.startsWith('none'))
    findings.push({
      about: 'controller',
      sentence: `Tasks and results are kept in memory only, and are lost with the controller: ${controller.store}.`,
      suggestions: ['Is the disk full? `df -h`.'],
    });
  for (const { id, reason } of givenUp) findings.push({ about: 'engines', sentence: `Engine ${id}: ${reason}.` });
  for (const { id, restarts } of engines.filter((engine) => engine.restarts > 0))
    findings.push({
      about: 'engines',
      sentence: `Engine ${id} has been started again (${restarts}).`,
      suggestions: ['`ipcluster logs`'],
    });
  for (const { id, stale } of engines.filter((engine) => engine.stale.length > 0))
    findings.push({
      about: 'engines',
      sentence: `Engine ${id} has loaded files that have changed since: ${stale.join(', ')}.`,
      suggestions: ['`ipcluster engines restart`'],
    });
  if (file && engines.length < file.engines)
    findings.push({ about: 'engines', sentence: `${engines.length} of ${file.engines} engines are registered.` });
  const waiting = queues.balanced + queues.waiting;
  if (waiting > 0 && engines.length === 0)
    findings.push({
      about: 'tasks',
      sentence: `${waiting} tasks wait, and there is no engine.`,
      suggestions: ['`ipcluster engines add -n 4`'],
    });
  const busy = engines.filter(({ state }) => state === 'busy');
  if (waiting > 0 && engines.length > 0 && busy.length === engines.length) {
    const longest = Math.max(...busy.map(({ since }) => Date.now() - Date.parse(since)));
    findings.push({
      about: 'tasks',
      sentence: `${waiting} tasks wait because all engines are busy, the longest for ${formatDuration(longest)}.`,
      suggestions: ['`ipcluster status`', '`ipcluster engines interrupt ID`'],
    });
  }
  return findings;
}

/** Why the controller does not answer. */
async function explainSilence(place: Place, file: ClusterFile | undefined, silence: string | undefined): Promise<Finding[]> {
  const findings: Finding[] = silence ? [{ about: 'controller', sentence: silence }] : [];
  const supervisors = listProcesses(place).filter(({ what }) => what === 'supervisor');
  if (file && supervisors.length > 0 && !listProcesses(place).some(({ what }) => what === 'controller'))
    findings.push({
      about: 'engines',
      sentence: `Engines of ${supervisors.length} supervisors wait for their controller to come back, until their lease ends.`,
      suggestions: ['`ipcluster start --reuse`', 'End them: `ipcluster kill`.'],
    });
  for (const recorded of file?.jobs ?? []) {
    const job = await attachJob(recorded);
    await Promise.race([job.ended, new Promise((resolve) => setTimeout(resolve, 50))]);
    await job[Symbol.asyncDispose]();
    const { state } = job.status.state;
    if (state === 'lost')
      findings.push({
        about: recorded.role,
        sentence: `The job of the ${recorded.role} was killed from outside: its process is gone and left no exit record.`,
      });
    else if (state !== 'running')
      findings.push({
        about: recorded.role,
        sentence: `The job of the ${recorded.role} is over: ${describeState(job.status.state)}.`,
      });
  }
  return findings;
}

/** What a job's exit record and the last lines of its log say. */
async function explainJob(folder: string, client: Client | undefined): Promise<Finding[]> {
  const about = folder.endsWith('-controller') ? 'controller' : 'engines';
  const record = await readExitRecord(folder);
  if (client && (!record || record.exitCode === 0)) return [];
  const path = join(folder, 'stderr');
  const lines = await lastLines(path, 20);
  const cause = explainLog(lines, record?.exitCode);
  if (!cause) return [];
  return [{ about, ...cause, lines: [...(cause.lines ?? []), `(${path})`] }];
}

function limitFindings(count: number): Finding[] {
  try {
    return checkLimits(count).map((sentence) => ({ about: 'machine', sentence }));
  } catch (error) {
    return [{ about: 'machine', sentence: (error as Error).message }];
  }
}
