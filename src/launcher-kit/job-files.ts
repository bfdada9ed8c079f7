import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, readJsonIfWhole, writeWhole } from '../base/files.js';
import { isOwnFolder, namesIn } from '../base/own-folder.js';
import type { JobRef } from './contract.js';
import type { Evidence, Verdict } from './evidence.js';

/* What every launcher keeps in the folder of a job. */

/** Writes down what finds the job again. */
export function writeRef(ref: JobRef): void {
  writeWhole(join(ref.jobDir, 'job.json'), `${JSON.stringify(ref)}\n`);
}

/** The jobs that one launcher has written down in a cluster's folder of jobs. */
export async function readRefs(jobsFolder: string, launcher: string): Promise<JobRef[]> {
  const names = await namesIn(jobsFolder);
  const refs = await Promise.all(names.map((name) => readJsonIfWhole(join(jobsFolder, name, 'job.json'))));
  return (refs as (JobRef | undefined)[]).flatMap((ref) => (ref?.launcher === launcher ? [ref] : []));
}

const cancelFile = (jobDir: string): string => join(jobDir, 'cancelled.json');

/** Writes down that it is ended on purpose, before it is. */
export function noteCancel(jobDir: string): void {
  // Where the folder is gone, or somebody else's by now, the job is ended all the same.
  if (isOwnFolder(jobDir)) writeWhole(cancelFile(jobDir), `${JSON.stringify({ by: 'ipcluster' })}\n`);
}

/** True for a job that we have ended on purpose. */
export const wasCancelled = (jobDir: string): boolean => existsSync(cancelFile(jobDir));

const verdictFile = (jobDir: string): string => join(jobDir, 'verdicts.json');

/** Keeps why parts of a job did not come to be, for those who ask later. */
export function noteVerdicts(jobDir: string, verdicts: readonly Verdict[]): void {
  if (verdicts.length > 0) writeWhole(verdictFile(jobDir), `${JSON.stringify(verdicts)}\n`);
}

/** Why parts of a job did not come to be; none where all did. */
export async function readVerdicts(jobDir: string): Promise<Verdict[]> {
  return ((await readJsonIfWhole(verdictFile(jobDir))) as Verdict[] | undefined) ?? [];
}

/** The last lines that a job has said: its nodes, else its script. */
export async function tailOfJob(jobDir: string, lines: number): Promise<string[]> {
  const names = (await namesIn(jobDir)).filter((name) => /^node-.*\.log$/.test(name)).sort();
  const nodes = (await Promise.all(names.map((name) => lastLines(join(jobDir, name), lines)))).flat();
  if (nodes.length > 0) return nodes.slice(-lines);
  const [wrong, out] = await Promise.all(
    ['stderr', 'stdout'].map((name) => lastLines(join(jobDir, name), lines)),
  );
  return (wrong && wrong.length > 0 ? wrong : (out ?? [])).slice(-lines);
}

/** The last sentence of a log: advice and stacks are indented, and rules have no letters. */
export const lastSentence = (lines: readonly string[]): string | undefined =>
  lines.findLast((line) => !/^\s/.test(line) && /[\p{L}\p{N}]/u.test(line));

/** Why a job ended, where only its code and its last words say so. */
export function explainEnd({ status: { state }, logTail }: Evidence): Verdict | undefined {
  if (state.state !== 'failed' && state.state !== 'lost') return undefined;
  const last = lastSentence(logTail);
  const sentence = `It ended (${state.reason})${last ? `; its last words: ${last}` : ' and said nothing'}.`;
  return { code: state.state, sentence, suggestions: [] };
}
