import { join } from 'node:path';
import { lastLines, readJsonIfWhole } from '../base/files.js';
import { expandHosts } from '../base/host-list.js';
import { shareOf } from '../base/layout.js';
import { namesIn } from '../base/own-folder.js';
import { readNodeWords } from './node-words.js';

/** How one node of a job ended, by its own record or by the words of what had started it there. */
export interface NodeEnd {
  /**
   * Which node of the job, from 0: the number in the name of its log. Absent where only its name is known.
   */
  index?: number;
  /** Its name; absent where only its number is known. */
  node?: string;
  /** Absent where nothing began there. */
  exitCode?: number;
  /** Its last words, or the line that tells of it. */
  words: string;
  /** The file that says so. */
  path: string;
  /** Which run of the job wrote it; absent for words. */
  incarnation?: number;
}

/**
 * How many of the `count` engines of a job cannot come any more, because their nodes ended in this run of it
 * (`incarnation`). A node of which only the name is known had one at least, and so has each where nothing
 * says how they lie.
 */
export async function countLost(
  jobDir: string,
  count: number,
  incarnation: number,
): Promise<{ lost: number; ends: NodeEnd[] }> {
  const ends = await nodeEndsOf(jobDir, incarnation);
  const layout = ends.length > 0 ? await readLayout(jobDir) : undefined;
  const shares = ends.map(({ index }) =>
    index === undefined || layout === undefined ? 1 : shareOf(layout, index, count).count,
  );
  return { ends, lost: shares.reduce((sum, share) => sum + share, 0) };
}

/**
 * Nodes of a job that ended in this run of it. Words have no run: those of an earlier one stand in the same
 * file.
 */
export const nodeEndsOf = async (jobDir: string, incarnation: number): Promise<NodeEnd[]> =>
  (await readNodeEnds(jobDir)).filter((end) => (end.incarnation ?? 0) >= incarnation);

/** In a few words, for people: `n3 ended (exit code 3)`. */
export function describeNodeEnd({ node, index, exitCode }: NodeEnd): string {
  const name = node ?? `node ${index}`;
  return exitCode === undefined ? `nothing began on ${name}` : `${name} ended (exit code ${exitCode})`;
}

/** How the engines lie, by what the job's script wrote down for its nodes. */
export async function readLayout(jobDir: string): Promise<string | undefined> {
  const layout = (await readFact(jobDir, 'IPCLUSTER_LAYOUT')) ?? '';
  return /^[\d(),x]+$/.test(layout) ? layout : undefined;
}

/** The names of a job's nodes, in the order of their numbers, where its script wrote them down. */
export async function readNodeNames(jobDir: string): Promise<string[] | undefined> {
  const list = await readFact(jobDir, 'IPCLUSTER_NODES');
  return list === undefined ? undefined : expandHosts(list);
}

/** A variable that the newest run of a job's script wrote down for its nodes, without its quotes. */
async function readFact(jobDir: string, name: string): Promise<string | undefined> {
  const files = (await namesIn(jobDir)).filter((file) => /^allocation-[\d-]+\.sh$/.test(file)).sort();
  const lines = await lastLines(join(jobDir, files.at(-1) ?? ''), 40);
  const start = `export ${name}=`;
  return lines
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .replaceAll(/[\\'"]/g, '');
}

interface NodeRecord {
  incarnation: number;
  node: string;
  exitCode: number;
  told: string;
  words: string;
}

/**
 * Nodes of a job that ended by themselves, and not well: those whose record says so, and those that others
 * tell of.
 */
export async function readNodeEnds(jobDir: string): Promise<NodeEnd[]> {
  const path = join(jobDir, 'stderr');
  const names = await readNodeNames(jobDir);
  const said = readNodeWords(await lastLines(path, 400)).map((end) => ({ ...placeOf(end, names), path }));
  const { ends, known } = await readRecords(jobDir);
  const others = said.filter(
    ({ index, node }, at) =>
      !known.some((one) => one.index === index || one.node === node) &&
      !said.slice(0, at).some((one) => one.node === node && (index === undefined || one.index === index)),
  );
  return [...ends, ...others];
}

/**
 * The same with its number and its name, by the names of the job's nodes: a step of one node calls each its
 * task 0.
 */
function placeOf<End extends Pick<NodeEnd, 'index' | 'node'>>(
  end: End,
  names: readonly string[] | undefined,
): End {
  const index = names?.indexOf(end.node ?? '') ?? -1;
  if (index >= 0) return { ...end, index };
  const name = names?.[end.index ?? -1];
  return name !== undefined && /[[,]/.test(end.node ?? '') ? { ...end, node: name } : end;
}

async function readRecords(
  jobDir: string,
): Promise<{ ends: NodeEnd[]; known: { index: number; node: string }[] }> {
  const ends: NodeEnd[] = [];
  const known: { index: number; node: string }[] = [];
  for (const name of (await namesIn(jobDir)).sort()) {
    const index = /^node-(\d+)\.json$/.exec(name)?.[1];
    if (index === undefined) continue;
    const path = join(jobDir, name);
    const record = (await readJsonIfWhole(path)) as NodeRecord | undefined;
    if (typeof record?.exitCode !== 'number') continue;
    const { node, exitCode, words, told, incarnation } = record;
    known.push({ index: Number(index), node });
    if (exitCode !== 0 && !told)
      ends.push({ index: Number(index), node, exitCode, words, path, incarnation });
  }
  return { ends, known };
}
