import { join } from 'node:path';
import { lastLines, readJsonIfWhole } from '../base/files.js';
import { shareOf } from '../base/layout.js';
import { namesIn } from '../base/own-folder.js';

/** How one node of a job ended, by its own record or by the words of what had started it there. */
export interface NodeEnd {
  /** Which node of the job, from 0: the number in the name of its log. Absent where only its name is known. */
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
 * How many of the `count` engines of a job cannot come any more, because their nodes ended in this run of it (`incarnation`). A node
 * of which only the name is known had one at least, and so has each where nothing says how they lie.
 */
export async function countLost(jobDir: string, count: number, incarnation: number): Promise<{ lost: number; ends: NodeEnd[] }> {
  const ends = await nodeEndsOf(jobDir, incarnation);
  const layout = ends.length > 0 ? await readLayout(jobDir) : undefined;
  const shares = ends.map(({ index }) => (index === undefined || layout === undefined ? 1 : shareOf(layout, index, count).count));
  return { ends, lost: shares.reduce((sum, share) => sum + share, 0) };
}

/** Nodes of a job that ended in this run of it. Words have no run: those of an earlier one stand in the same file. */
export const nodeEndsOf = async (jobDir: string, incarnation: number): Promise<NodeEnd[]> =>
  (await readNodeEnds(jobDir)).filter((end) => (end.incarnation ?? 0) >= incarnation);

/** In a few words, for people: `n3 ended (exit code 3)`. */
export function describeNodeEnd({ node, index, exitCode }: NodeEnd): string {
  const name = node ?? `node ${index}`;
  return exitCode === undefined ? `nothing began on ${name}` : `${name} ended (exit code ${exitCode})`;
}

/** How the engines lie, by what the job's script wrote down for its nodes. */
export async function readLayout(jobDir: string): Promise<string | undefined> {
  const names = (await namesIn(jobDir)).filter((name) => /^allocation-[\d-]+\.sh$/.test(name)).sort();
  const lines = await lastLines(join(jobDir, names.at(-1) ?? ''), 40);
  const [, word] = lines.map((line) => /^export IPCLUSTER_LAYOUT=(.*)$/.exec(line)).find((found) => found !== null) ?? [];
  const layout = word?.replaceAll(/[\\'"]/g, '') ?? '';
  return /^[\d(),x]+$/.test(layout) ? layout : undefined;
}

interface NodeRecord {
  incarnation: number;
  node: string;
  exitCode: number;
  told: string;
  words: string;
}

/** Nodes of a job that ended by themselves, and not well: those whose record says so, and those that others tell of. */
export async function readNodeEnds(jobDir: string): Promise<NodeEnd[]> {
  const path = join(jobDir, 'stderr');
  const said = readNodeWords(await lastLines(path, 400)).map((end) => ({ ...end, path }));
  const { ends, known } = await readRecords(jobDir);
  const others = said.filter(
    ({ index, node }, at) =>
      !known.some((one) => one.index === index || one.node === node) &&
      !said.slice(0, at).some((one) => index === undefined && one.node === node),
  );
  return [...ends, ...others];
}

async function readRecords(jobDir: string): Promise<{ ends: NodeEnd[]; known: { index: number; node: string }[] }> {
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
    if (exitCode !== 0 && !told) ends.push({ index: Number(index), node, exitCode, words, path, incarnation });
  }
  return { ends, known };
}

/** Signals by the words of strsignal(3), as far as tools print them in place of a code. */
const signals: Record<string, number> = { Killed: 9, 'Segmentation fault': 11, Aborted: 6, 'Bus error': 7, 'Out Of Memory': 9 };

/**
 * What the tools that start something on many nodes say of one of them. Slurm: `srun: error: n4: task 3: Exited with exit code 127`,
 * `srun: error: Task launch for StepId=53.0 failed on node n3: Job prolog failed`;
 * PBS: `pbsdsh: task … exit status 7`, which is all it says, for it ends with 0 itself; Open MPI: `process rank 1 … on node host1
 * exited on signal 11`; MPICH: `PID 149 RUNNING AT host1`, then `EXIT CODE: 9` (all recorded from real ones; of PBS only the end of the line).
 * What was ended with the others (Terminated) is not told of.
 */
export function readNodeWords(lines: readonly string[]): Omit<NodeEnd, 'path'>[] {
  return lines.flatMap((line, at): Omit<NodeEnd, 'path'>[] => {
    const slurm = /^srun: error: (\S+): tasks? ([\d,-]+): (?:Exited with exit code (\d+)|(.*?)(?: \(core dumped\))?)$/.exec(line);
    if (slurm) return endsOfTasks(whyNothingRan(lines, slurm[3]) ?? line, slurm);
    const unlaunched = /^srun: error: Task launch for \S+ failed on node (\S+): |error: Prolog failure on node (\S+)$/.exec(line);
    if (unlaunched) return [{ node: unlaunched[1] ?? unlaunched[2] ?? '', words: line }];
    const pbs = /\btask (\S+) exit status (\d+)/.exec(line);
    if (pbs) return pbs[2] === '0' ? [] : [{ node: `task ${pbs[1]}`, exitCode: Number(pbs[2]), words: line }];
    const open = /process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)/.exec(line);
    if (open) return [{ index: Number(open[1]), node: open[2] ?? '', exitCode: 128 + Number(open[3]), words: line }];
    const mpich = /RUNNING AT (\S+)/.exec(line);
    const code = /EXIT CODE: (\d+)/.exec(lines[at + 1] ?? '')?.[1];
    return mpich && code ? [{ node: mpich[1] ?? '', exitCode: Number(code), words: line.replace(/^=\s*/, '') }] : [];
  });
}

/** What a shell says that cannot read its script: no node could say it better, and it says no name. */
const whyNothingRan = (lines: readonly string[], code: string | undefined): string | undefined =>
  code === '127' || code === '126' ? lines.findLast((line) => /node\.sh: /.test(line)) : undefined;

function endsOfTasks(words: string, [, node = '', tasks = '', code, signal = '']: RegExpExecArray): Omit<NodeEnd, 'path'>[] {
  const number = signals[signal];
  const exitCode = code === undefined ? number && 128 + number : Number(code);
  if (exitCode === undefined || exitCode === 143) return [];
  const indexes = tasks.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
  // Of several nodes at once the names cannot be told apart here: `n[1-2]: tasks 0-1`.
  return indexes.map((index) => ({ index, node, exitCode, words }));
}
