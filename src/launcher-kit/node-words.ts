import { expandHosts } from '../base/host-list.js';
import type { NodeEnd } from './node-ends.js';

/** Signals by the words of strsignal(3), as far as tools print them in place of a code. */
const signals: Record<string, number> = {
  Killed: 9,
  'Segmentation fault': 11,
  Aborted: 6,
  'Bus error': 7,
  'Out Of Memory': 9,
};

/** What Slurm says of nodes where nothing began, or that are gone: a name, or a list of them. */
const lostNodes: readonly RegExp[] = [
  /^srun: error: Task launch for \S+ failed on node (\S+): /,
  /error: Prolog failure on node (\S+)$/,
  /^srun: error: Node failure on (\S+?)\.?$/,
  /^srun: error: Nodes (\S+) are still not ready/,
];

/**
 * What the tools that start something on many nodes say of one of them. Slurm: `srun: error: n4: task 3:
 * Exited with exit code 127`, `srun: error: Task launch for StepId=53.0 failed on node n3: Job prolog
 * failed`; PBS: `pbsdsh: task … exit status 7`, which is all it says, for it ends with 0 itself; Open MPI:
 * `process rank 1 … on node host1 exited on signal 11`; MPICH: `PID 149 RUNNING AT host1`, then `EXIT CODE:
 * 9` (all recorded from real ones; of PBS only the end of the line). What was ended with the others
 * (Terminated) is not told of.
 */
export function readNodeWords(lines: readonly string[]): Omit<NodeEnd, 'path'>[] {
  return lines.flatMap((line, at): Omit<NodeEnd, 'path'>[] => {
    const slurm =
      /^srun: error: (\S+): tasks? ([\d,-]+): (?:Exited with exit code (\d+)|(.*?)(?: \(core dumped\))?)$/.exec(
        line,
      );
    if (slurm) return endsOfTasks(whyNothingRan(lines, slurm[3]) ?? line, slurm);
    const [, unlaunched] = lostNodes.map((words) => words.exec(line)).find((found) => found !== null) ?? [];
    if (unlaunched !== undefined)
      return (expandHosts(unlaunched) ?? [unlaunched]).map((node) => ({ node, words: line }));
    const pbs = /\btask (\S+) exit status (\d+)/.exec(line);
    if (pbs) return pbs[2] === '0' ? [] : [{ node: `task ${pbs[1]}`, exitCode: Number(pbs[2]), words: line }];
    const open = /process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)/.exec(line);
    if (open)
      return [{ index: Number(open[1]), node: open[2] ?? '', exitCode: 128 + Number(open[3]), words: line }];
    const mpich = /RUNNING AT (\S+)/.exec(line);
    const code = /EXIT CODE: (\d+)/.exec(lines[at + 1] ?? '')?.[1];
    return mpich && code
      ? [{ node: mpich[1] ?? '', exitCode: Number(code), words: line.replace(/^=\s*/, '') }]
      : [];
  });
}

/** What a shell says that cannot read its script: no node could say it better, and it says no name. */
const whyNothingRan = (lines: readonly string[], code: string | undefined): string | undefined =>
  code === '127' || code === '126' ? lines.findLast((line) => /node\.sh: /.test(line)) : undefined;

function endsOfTasks(
  words: string,
  [, node = '', tasks = '', code, signal = '']: RegExpExecArray,
): Omit<NodeEnd, 'path'>[] {
  const number = signals[signal];
  const exitCode = code === undefined ? number && 128 + number : Number(code);
  if (exitCode === undefined || exitCode === 143) return [];
  const indexes = tasks.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
  // Of several nodes at once the names are told apart by those of the job's nodes: `n[1-2]: tasks 0-1`.
  return indexes.map((index) => ({ index, node, exitCode, words }));
}
