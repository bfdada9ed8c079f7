import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { formatBytes } from '../base/quantities.js';
import type { Place } from '../profile/paths.js';

/** Something that explains how a cluster is, and what to do about it. */
export interface Finding {
  about: 'controller' | 'engines' | 'tasks' | 'machine';
  sentence: string;
  /** Lines that show it. */
  lines?: string[];
  suggestions?: string[];
}

/** A program that ended, by words of its log or by its exit code. */
interface Cause {
  words: RegExp;
  sentence: string;
  suggestions: string[];
}

/** Causes that a log names, the most telling first. */
const causes: readonly Cause[] = [
  {
    words: /ENOSPC|no space left|disk is full|SQLITE_FULL/i,
    sentence: 'The disk is full.',
    suggestions: ['`df -h`', 'Another place: `--work-dir`.'],
  },
  {
    words: /EDQUOT|quota exceeded/i,
    sentence: 'Your quota is used up.',
    suggestions: ['`quota -s`', 'Another place: `--work-dir`.'],
  },
  { words: /EMFILE|ENFILE|too many open files/i, sentence: 'Too many files are open.', suggestions: ['`ulimit -n`'] },
  {
    words: /EAGAIN|cannot fork|resource temporarily unavailable/i,
    sentence: 'No more processes or threads may be started.',
    suggestions: ['`ulimit -u`'],
  },
  {
    words: /heap out of memory|ENOMEM|cannot allocate memory|ERR_MEMORY_ALLOCATION/i,
    sentence: 'Memory ran out.',
    suggestions: ['Fewer engines: `-n`.', '`ulimit -v`'],
  },
  {
    words: /out of memory/i,
    sentence: 'The kernel killed an engine because memory ran out.',
    suggestions: ['Fewer engines: `-n`.', 'Smaller tasks.'],
  },
  {
    words: /is taken by another program|EADDRINUSE/i,
    sentence: 'The port is taken by another program.',
    suggestions: ['`--port 10000-10100`'],
  },
  {
    words: /SyntaxError|ERR_UNKNOWN_BUILTIN_MODULE|is not a function or its return value is not iterable|bad option:/i,
    sentence: 'The Node that ran it is not one that ipcluster works with.',
    suggestions: ['Node 20.19 or newer: `node --version`.'],
  },
  {
    words: /ending: no controller for/i,
    sentence: 'No controller was there for longer than the lease, so it ended itself and its engines.',
    suggestions: [],
  },
  {
    words: /no engine is left/i,
    sentence: 'Its last engine ended, and was not started again.',
    suggestions: ['`ipcluster logs`'],
  },
];

/** What the last lines of a program's log and its exit code say of its end; undefined when they say nothing. */
export function explainLog(
  lines: readonly string[],
  exitCode: number | undefined,
): Pick<Finding, 'sentence' | 'lines' | 'suggestions'> | undefined {
  for (const { words, sentence, suggestions } of causes) {
    const line = lines.findLast((candidate) => words.test(candidate));
    if (line !== undefined) return { sentence, lines: [line], suggestions };
  }
  if (exitCode === 127 || exitCode === 126)
    return {
      sentence: 'Its program could not be run: Node is not where it was, or may not be executed.',
      lines: lines.slice(-1),
      suggestions: [],
    };
  if (exitCode !== undefined && exitCode > 128)
    return { sentence: `It was ended by signal ${exitCode - 128}.`, lines: lines.slice(-1), suggestions: [] };
  if (!exitCode) return undefined;
  // Advice and stacks are indented; the sentence is not.
  const last = lines.findLast((line) => !/^\s/.test(line));
  return { sentence: `It ended with exit code ${exitCode}.`, lines: last === undefined ? [] : [last], suggestions: [] };
}

/** Less than this much room is as good as none (bytes). */
const leastRoom = 16 * 1024 * 1024;

/** Disks that are full, among those that a cluster writes to. */
export function checkDisks({ profileFolder, workFolder }: Place): Finding[] {
  const folders = [...new Set([profileFolder, workFolder, tmpdir(), '/dev/shm'])].filter((folder) => existsSync(folder));
  return folders.flatMap((folder): Finding[] => {
    try {
      const { bavail, bsize, ffree, files } = statfsSync(folder);
      if (files > 0 && ffree === 0)
        return [{ about: 'machine', sentence: `No file can be made on the disk of ${folder}.`, suggestions: ['`df -i`'] }];
      if (bavail * bsize >= leastRoom) return [];
      return [
        {
          about: 'machine',
          sentence: `The disk of ${folder} is full: ${formatBytes(bavail * bsize)} are left.`,
          suggestions: ['`df -h`'],
        },
      ];
    } catch (error) {
      return [{ about: 'machine', sentence: `${folder} cannot be looked at: ${(error as Error).message}.` }];
    }
  });
}
