import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { formatBytes } from '../base/quantities.js';
import { signalName, signalOfCode } from '../base/signal-names.js';
import { lastSentence } from '../launcher-kit/job-files.js';
import type { Phrase } from '../launcher-kit/words.js';
import type { Place } from '../profile/paths.js';

/** Something that explains how a cluster is, and what to do about it. */
export interface Finding {
  /** A word that stays the same when the sentence changes: see docs/why.md. */
  code: string;
  about: 'controller' | 'engines' | 'tasks' | 'machine';
  sentence: string;
  /** Lines that show it. */
  lines?: string[];
  suggestions?: string[];
  /** The node that it is about, where it is about one of several. */
  node?: string;
}

/** Causes that a log names, the most telling first. */
const causes: readonly Phrase[] = [
  {
    words: /^ipcluster: there is no "module" on/,
    code: 'no-modules',
    sentence: 'There are no modules: its shell has no `module`, and no file there defines it.',
    suggestions: [
      'Define it first: `--setup-order prologue-first --prologue ". FILE"`, with the file that `module` comes from.',
      'Where does it come from? `type module` on a compute node.',
    ],
  },
  {
    words: /^ipcluster: the module .* cannot be loaded on/,
    code: 'no-modules',
    sentence: 'A module cannot be loaded there.',
    suggestions: [
      'Its name there: `module avail`, on a compute node.',
      'Where it lies: `--setup-order prologue-first --prologue "module use FOLDER"`.',
    ],
  },
  {
    words: /node failure|due to node fail|NODE_FAIL|lost node/i,
    code: 'node-failed',
    sentence: 'A node failed: its engines are gone, the others go on.',
    suggestions: ['Take others in their place: `ipcluster engines add -n 1`.'],
  },
  {
    words: /\bprolog (failure|failed|error)|prolog .*(failed|non-zero)/i,
    code: 'node-prolog',
    sentence:
      'What the site runs on a node before a job (its Prolog) failed there, and the scheduler took the node out of service.',
    suggestions: ['Start again: it will get another node.', 'Tell the administrators: `sinfo -R`.'],
  },
  {
    words: /^srun: error: Task launch for \S+ failed on node/,
    code: 'launch-failed',
    sentence: 'The scheduler could not start anything there.',
    suggestions: ['Start again, without that node.', 'Tell the administrators: `sinfo -R`.'],
  },
  {
    words: /node\.sh: (No such file|Permission denied|Stale|Input\/output|Transport)/i,
    code: 'folder-not-shared',
    sentence: 'The folder of the job is not seen there: its disk is not mounted, or is another one.',
    suggestions: ['Start again, without that node.', 'A folder that all nodes see: `--work-dir`.'],
  },
  {
    words: /\b(srun|mpirun|mpiexec|pbsdsh|pbs_tmrsh|blaunch|qrsh)(: command)?:? not found/,
    code: 'tool-missing',
    sentence: 'What starts processes on the nodes of an allocation is not on the PATH.',
    suggestions: ['Load the module that brings it, or set PATH, and start again.', 'On this node alone: `--launcher local`.'],
  },
  {
    words: /address space/i,
    code: 'address-space',
    sentence: 'A process may have too little address space there for Node.',
    suggestions: ['Ask for more memory: `--mem 4G`.', '`ulimit -v`'],
  },
  {
    words: /^ipcluster: cannot be run on/,
    code: 'node-missing',
    sentence: 'Node is not there, or cannot be run.',
    suggestions: ['Name the one that is there: `--node PATH`.', 'Load what brings it: `--modules NAME`.'],
  },
  {
    words: /^ipcluster: what ran on .* was killed by signal/,
    code: 'supervisor-killed',
    sentence: 'What looked after the engines of a node was killed from outside, and its engines ended with it.',
    suggestions: ['Out of memory? `dmesg -T | tail` there.', 'Take others in their place: `ipcluster engines add -n 1`.'],
  },
  {
    words: /does not accept this token/,
    code: 'wrong-token',
    sentence: 'The controller does not accept the token: its connection file is of another start.',
    suggestions: ['`ipcluster stop`, and start again.'],
  },
  {
    words: /another program answers at port|certificate/i,
    code: 'wrong-certificate',
    sentence: 'Something else answers where the controller should be.',
    suggestions: ['`ipcluster stop`, and start again.'],
  },
  {
    words: /The controller cannot be reached/,
    code: 'unreachable',
    sentence: 'Engines run, but cannot reach the controller.',
    suggestions: ['Listen where they can: `--ip ADDRESS`.', 'Put it beside them: `--controller in-job`.'],
  },
  {
    words: /No connection file after/,
    code: 'file-not-seen',
    sentence: 'Engines run, but do not see their connection file.',
    suggestions: ['A folder that the compute nodes see: `--work-dir`.'],
  },
  {
    words: /has started .* again \(run|The time of .* was over/,
    code: 'superseded',
    sentence: 'The scheduler has started the job again; this is an earlier run of it.',
    suggestions: [],
  },
  {
    words: /has no module ipyparallel|No module named '?ipyparallel/,
    code: 'no-ipyparallel',
    sentence: 'The interpreter of the engines has no ipyparallel.',
    suggestions: ['`PATH -m pip install ipyparallel`', 'Another interpreter: `--python PATH`.'],
  },
  {
    words: /cannot be used as an interpreter of Python/,
    code: 'no-python',
    sentence: 'The interpreter of the engines cannot be run there.',
    suggestions: [
      'The one that is there: `--python PATH`.',
      'Load what brings it: `--modules NAME`, `--conda NAME` or `--venv PATH`.',
    ],
  },
  {
    words: /has no module \S+\.|ModuleNotFoundError: No module named/,
    code: 'no-module',
    sentence: 'The interpreter of the engines lacks a module.',
    suggestions: ['Install it, or name an interpreter that has it: `--python PATH`.'],
  },
  {
    words: /ENOSPC|no space left|disk is full|SQLITE_FULL/i,
    code: 'disk-full',
    sentence: 'The disk is full.',
    suggestions: ['`df -h`', 'Another place: `--work-dir`.'],
  },
  {
    words: /EDQUOT|quota exceeded/i,
    code: 'quota',
    sentence: 'Your quota is used up.',
    suggestions: ['`quota -s`', 'Another place: `--work-dir`.'],
  },
  {
    words: /EMFILE|ENFILE|too many open files/i,
    code: 'open-files',
    sentence: 'Too many files are open.',
    suggestions: ['`ulimit -n`'],
  },
  {
    words: /EAGAIN|cannot fork|resource temporarily unavailable/i,
    code: 'processes',
    sentence: 'No more processes or threads may be started.',
    suggestions: ['`ulimit -u`'],
  },
  {
    words: /heap out of memory|ENOMEM|cannot allocate memory|ERR_MEMORY_ALLOCATION/i,
    code: 'out-of-memory',
    sentence: 'Memory ran out.',
    suggestions: ['Fewer engines: `-n`.', '`ulimit -v`'],
  },
  {
    words: /out of memory/i,
    code: 'out-of-memory',
    sentence: 'The kernel killed an engine because memory ran out.',
    suggestions: ['Fewer engines: `-n`.', 'Smaller tasks.'],
  },
  {
    words: /is taken by another program|EADDRINUSE/i,
    code: 'port-taken',
    sentence: 'The port is taken by another program.',
    suggestions: ['`--port 10000-10100`'],
  },
  {
    words: /SyntaxError|ERR_UNKNOWN_BUILTIN_MODULE|is not a function or its return value is not iterable|bad option:/i,
    code: 'node-too-old',
    sentence: 'The Node that ran it is not one that ipcluster works with.',
    suggestions: ['Node 20.19 or newer: `node --version`.'],
  },
  {
    words: /ending: no controller for/i,
    code: 'lease-over',
    sentence: 'No controller was there for longer than the lease, so it ended itself and its engines.',
    suggestions: [],
  },
  {
    words: /no engine is left \(the last: stopped/i,
    code: 'engines-stopped',
    sentence: 'Its engines were stopped, as somebody asked for it.',
    suggestions: ['Others: `ipcluster engines add -n 1`.'],
  },
  {
    words: /no engine is left/i,
    code: 'engines-died',
    sentence: 'Its last engine ended, and was not started again.',
    suggestions: ['`ipcluster logs`'],
  },
];

/** What a tool said before we did: the lines that name a fault, else the last ones. Some put advice after the fault. */
function wordsOfTool(lines: readonly string[]): string[] {
  const said = lines.filter((line) => line.trim() !== '');
  const faults = said.filter((line) => /error|unknown|unable|not found|cannot/i.test(line));
  return (faults.length > 0 ? faults : said).slice(-3);
}

/** What the last lines of a program's log and its exit code say of its end; undefined when they say nothing. */
export function explainLog(lines: readonly string[], exitCode: number | undefined): Omit<Finding, 'about'> | undefined {
  for (const { words, code, sentence, suggestions = [] } of causes) {
    const at = lines.findLastIndex((candidate) => words.test(candidate));
    if (at < 0) continue;
    const before = code === 'no-modules' ? wordsOfTool(lines.slice(Math.max(0, at - 20), at)) : [];
    return { code, sentence, lines: [...before, ...lines.slice(at, at + 1)], suggestions };
  }
  if (exitCode === 127 || exitCode === 126) return notRun(lines);
  const signal = exitCode === undefined ? undefined : signalOfCode(exitCode);
  if (signal !== undefined)
    return { code: 'signal', sentence: `It was ended by ${signalName(signal)}.`, lines: lines.slice(-1), suggestions: [] };
  if (!exitCode) return undefined;
  const last = lastSentence(lines);
  return {
    code: 'exited',
    sentence: `It ended with exit code ${exitCode}.`,
    lines: last === undefined ? [] : [last],
    suggestions: [],
  };
}

/** A program that could not be run: Node, or whatever else a shell names. */
function notRun(lines: readonly string[]): Omit<Finding, 'about'> {
  const named = lines.findLast((line) =>
    /: (?:command )?not found$|: No such file or directory$|: Permission denied$/.test(line),
  );
  if (named === undefined || /node'?:/.test(named))
    return {
      code: 'node-missing',
      sentence: 'Its program could not be run: Node is not where it was, or may not be executed.',
      lines: lines.slice(-1),
      suggestions: [],
    };
  return { code: 'program-missing', sentence: 'A program that it needs could not be run.', lines: [named], suggestions: [] };
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
        return [
          {
            code: 'disk-full',
            about: 'machine',
            sentence: `No file can be made on the disk of ${folder}.`,
            suggestions: ['`df -i`'],
          },
        ];
      if (bavail * bsize >= leastRoom) return [];
      return [
        {
          code: 'disk-full',
          about: 'machine',
          sentence: `The disk of ${folder} is full: ${formatBytes(bavail * bsize)} are left.`,
          suggestions: ['`df -h`'],
        },
      ];
    } catch (error) {
      return [{ code: 'disk', about: 'machine', sentence: `${folder} cannot be looked at: ${(error as Error).message}.` }];
    }
  });
}
