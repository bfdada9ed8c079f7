import { join } from 'node:path';
import { readJsonIfWhole, writeWhole } from '../base/files.js';
import { checkLimits } from '../launcher-kit/limits.js';
import { type ClusterFile, isOfJob, type RecordedJob } from '../profile/cluster-file.js';
import type { Place } from '../profile/paths.js';
import type { StatusContent } from '../protocol/messages.js';
import type { Finding } from './causes.js';
import { checkDisks } from './disks.js';
import { findCluster, notFound } from './find.js';
import { foldersOfJobs } from './logs.js';
import { listProcesses } from './processes.js';
import { withoutNodes } from './why-again.js';
import { explainFolder } from './why-folder.js';
import { explainHosts } from './why-hosts.js';
import { explainRecorded, explainSuspension } from './why-jobs.js';
import { explainStatus } from './why-status.js';

/** Codes that name what is seen, not why; they come after those that say why. */
const symptoms = new Set([
  'engines-missing',
  'controller-silent',
  'no-engine',
  'exited',
  'signal',
  'restarted',
  'limits',
  'not-running',
  'ending',
  'all-busy',
]);

/** Of those, what tells how a job ended: more than that engines are missing. */
const jobEnds = new Set(['signal', 'exited']);

/**
 * Says why a cluster is as it is, the verdict first, from what the controller, the disk, the machine and the
 * scheduler show. Throws CLUSTER_NOT_FOUND.
 */
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
  let status: StatusContent | undefined;
  try {
    status = await client?.status();
  } finally {
    await client?.close();
  }
  const kept = !file && !client ? await keptFindings(folders) : [];
  if (kept.length > 0) return kept;
  const findings = [
    ...stoppedProcesses(where),
    ...(status ? explainStatus(status, file) : explainSilence(where, file, silence?.message)),
  ];
  if (status) findings.push(...(await explainHosts(file, status)));
  findings.push(...(await explainJobs(file, folders, status)));
  findings.push(...limitFindings(file?.launcher === 'local' ? file.engines : 0), ...checkDisks(where));
  return inOrder(findings);
}

/** What the jobs of a cluster, or of a start that has not come to anything yet, say. */
export async function explainJobs(
  file: ClusterFile | undefined,
  folders: readonly string[],
  status: StatusContent | undefined,
): Promise<Finding[]> {
  const missing = !status || (file !== undefined && status.engines.length < file.engines);
  // A job some of whose engines speak has not ended, whatever its scheduler has forgotten.
  const isGone = (job: RecordedJob): boolean =>
    status !== undefined &&
    job.role === 'engines' &&
    !status.engines.some((engine) => isOfJob(engine.job, job));
  const recorded = await Promise.all(
    (file?.jobs ?? []).map((job) =>
      missing ? explainRecorded(job, status !== undefined, isGone(job)) : explainSuspension(job),
    ),
  );
  const told = await Promise.all(
    folders.map((folder) => explainFolder(folder, missing, status !== undefined)),
  );
  return withoutNodes(inOrder([...recorded.flat(), ...told.flat()]), file);
}

/** Those that say why come first; the same is said once. */
function inOrder(findings: readonly Finding[]): Finding[] {
  const known = new Set<string>();
  const once = findings.filter(({ code, about, sentence }) => {
    const key = `${code} ${about} ${sentence}`;
    return !known.has(key) && known.add(key);
  });
  // What one node says of its own end is a reason, whatever its code.
  const isSuspended = once.some(({ code }) => code === 'suspended');
  const isReason = ({ code, node }: Finding): boolean => node !== undefined || !symptoms.has(code);
  // Engines that stand still are no busy ones, and nothing interrupts them.
  const rank = (finding: Finding): number => {
    if (finding.code === 'suspended') return 0;
    return isReason(finding) ? 1 : jobEnds.has(finding.code) ? 2 : 3;
  };
  const present = once.filter(({ code }) => !(isSuspended && code === 'all-busy'));
  return present.sort((a, b) => rank(a) - rank(b));
}

const keptFile = (folder: string): string => join(folder, 'why.json');

/** Keeps what was found when a start failed: what it was found from is taken away with the jobs. */
export function keepFindings(folder: string, findings: readonly Finding[]): void {
  writeWhole(keptFile(folder), `${JSON.stringify(findings)}\n`);
}

async function keptFindings(folders: readonly string[]): Promise<Finding[]> {
  const kept = await Promise.all(folders.map((folder) => readJsonIfWhole(keptFile(folder))));
  return (kept as (Finding[] | undefined)[]).flatMap((findings) => findings ?? []);
}

function stoppedProcesses(place: Place): Finding[] {
  const stopped = listProcesses(place).filter((process) => process.stopped);
  return stopped.map(({ what, pid }) => ({
    code: 'stopped',
    about: what === 'controller' ? 'controller' : 'engines',
    sentence: `The ${what} (pid ${pid}) is stopped by a signal: it neither works nor answers.`,
    suggestions: [`Let it go on: \`kill -CONT ${pid}\`.`],
  }));
}

/** Why the controller does not answer. */
function explainSilence(place: Place, file: ClusterFile | undefined, silence: string | undefined): Finding[] {
  const findings: Finding[] = silence
    ? [{ code: 'controller-silent', about: 'controller', sentence: silence }]
    : [];
  const processes = listProcesses(place);
  const supervisors = processes.filter(({ what }) => what === 'supervisor').length;
  if (file && supervisors > 0 && !processes.some(({ what }) => what === 'controller'))
    findings.push({
      code: 'waiting-for-controller',
      about: 'engines',
      sentence:
        `Engines of ${supervisors} supervisors wait for their controller to come back, until their ` +
        'lease ends.',
      suggestions: ['`ipcluster start --reuse`', 'End them: `ipcluster kill`.'],
    });
  return findings;
}

function limitFindings(count: number): Finding[] {
  try {
    return checkLimits(count).map((sentence) => ({ code: 'limits', about: 'machine', sentence }));
  } catch (error) {
    return [{ code: 'limits', about: 'machine', sentence: (error as Error).message }];
  }
}
