import { userName } from '../base/owner.js';
import {
  type BatchDialect,
  type BatchView,
  type Directive,
  defineBatchLauncher,
  type Question,
  type Report,
} from '../launcher-kit/batch.js';
import { z } from '../launcher-kit/options.js';
import type { State } from '../launcher-kit/states.js';
import { clockOf, explainWords, lastWords, megabytesOf, type Phrase } from '../launcher-kit/words.js';

/** Why a submit is refused: qsub's words (recorded from OpenPBS 23.06). */
const refusals: readonly Phrase[] = [
  {
    words: /unknown queue/i,
    code: 'bad-partition',
    sentence: 'There is no queue of that name.',
    suggestions: ['See `qstat -Q`.', 'Name one: `--queue`.'],
  },
  {
    words: /queue is not enabled/i,
    code: 'partition-down',
    sentence: 'The queue takes no jobs now.',
    suggestions: ['Another one: `--queue`; see `qstat -Q`.'],
  },
  {
    words: /unauthorized request/i,
    code: 'not-allowed',
    sentence: 'You may not use that queue.',
    suggestions: ['See `qstat -Qf`.'],
  },
  {
    words: /invalid account|invalid project|unknown project/i,
    code: 'bad-account',
    sentence: 'That account or project is not yours.',
    suggestions: ['Name one: `--account`.'],
  },
  {
    words: /violates queue and\/or server resource limits|exceeds (queue|server)/i,
    code: 'too-long',
    sentence: 'More is asked for than that queue allows: time, nodes or memory.',
    suggestions: ['Ask for less: `--time`, `-n`.', 'See `qstat -Qf`.'],
  },
  {
    words: /unknown resource|illegal attribute|illegal -|cannot be used with/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this PBS knows.',
    suggestions: ['See them: `--dry-run`. Replace or remove them: `--directives`.'],
  },
  {
    words: /maximum number of jobs|limit/i,
    code: 'limit',
    sentence: 'You have as many jobs as you may have.',
    suggestions: ['Wait for others to end.'],
  },
];

/** Why a job waits or has ended: the words of its `comment` (recorded; pbs_job_attributes(7B)). */
const reasons: readonly Phrase[] = [
  {
    words: /can never run|nodes? .* never/i,
    code: 'never-fits',
    sentence: 'No nodes could ever give what it asks for.',
    suggestions: ['See `pbsnodes -aSj`.', 'Ask for less: `-n`, `--cpus-per-task`, `--mem`.'],
  },
  {
    words: /insufficient amount of .*resource|not enough|no available resources/i,
    code: 'pending-resources',
    sentence: 'It waits for nodes to become free, or asks for more than any has.',
    suggestions: ['See `pbsnodes -aSj`.'],
  },
  {
    words: /queue not started|not enabled/i,
    code: 'partition-down',
    sentence: 'Its queue is stopped: nothing starts in it until it is started again.',
    suggestions: ['Another one: `--queue`; see `qstat -Q`.'],
  },
  {
    words: /^H(eld)?$|held|hold/i,
    code: 'held',
    sentence: 'It is held.',
    suggestions: ['Let it go: `qrls ID`; see `qstat -f ID` for who holds it.'],
  },
  { words: /limit/i, code: 'limit', sentence: 'A limit of yours or of the queue holds it back until other jobs end.' },
  { words: /dependency/i, code: 'never-starts', sentence: 'It waited for a job that ended another way, and will never start.' },
  {
    words: /node (lost|failed)|^exit status -20$/i,
    code: 'node-failed',
    sentence: 'A node failed.',
    suggestions: ['Start again; a lost node is not your fault.'],
  },
  {
    words: /^exit status -2[67]$/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
  {
    words: /^exit status -(1|2|9|17)$/,
    code: 'launch-failed',
    sentence: 'PBS could not start its script.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
];

/** Blocks of `qstat -f`: long values go on in lines that begin with a tab (JSON is often none: scheduler-facts 3). */
function parseBlocks(text: string): { id: string; fields: Map<string, string> }[] {
  const blocks: { id: string; fields: Map<string, string> }[] = [];
  for (const line of text.replaceAll('\n\t', '').split('\n')) {
    const id = /^Job Id:\s*(\S+)/.exec(line)?.[1];
    if (id) blocks.push({ id, fields: new Map() });
    const [, key, value = ''] = /^\s+([\w.]+) = (.*)$/.exec(line) ?? [];
    if (key) blocks.at(-1)?.fields.set(key, value.trim());
  }
  return blocks;
}

/** What a job or subjob is (pbs_job_attributes(7B), qstat(1B); C is Torque's word for F). */
function pbsState(fields: ReadonlyMap<string, string>): State {
  const [letter = '', exit, comment = ''] = [
    fields.get('job_state'),
    fields.get('Exit_status') ?? fields.get('exit_status'),
    fields.get('comment'),
  ];
  const hosts = fields
    .get('exec_host')
    ?.split('+')
    .map((place) => place.replace(/\/.*/, ''));
  if (letter === 'Q' || letter === 'T' || letter === 'M') return { state: 'queued', ...(comment && { reason: comment }) };
  if (letter === 'H' || letter === 'W')
    return { state: 'held', reason: comment || (letter === 'H' ? 'Held' : 'its time has not come') };
  if (letter === 'R' || letter === 'B') return { state: 'running', ...(hosts && { hosts: [...new Set(hosts)] }) };
  if (letter === 'S' || letter === 'U') return { state: 'suspended' };
  if (letter === 'E') return { state: 'ending' };
  if (letter === 'F' || letter === 'X' || letter === 'C') return finalState(exit, fields.get('substate'), comment);
  return { state: 'unknown', since: new Date().toISOString(), cause: `PBS says "${letter}"` };
}

/** Exit_status: 0–255, 256 + signal, or negative for PBS itself (scheduler-facts 4); substate 91 is "deleted". */
function finalState(exit: string | undefined, substate: string | undefined, comment: string): State {
  if (substate === '91') return { state: 'cancelled', by: 'somebody (qdel)' };
  // What never ran has no exit status; 92 without one is a dependency that cannot be met any more (recorded).
  if (exit === undefined) return { state: 'failed', reason: 'dependency' };
  const code = Number(exit);
  // An array whose own status is 0 may hold a subjob that failed (recorded).
  if (code === 0 && substate === '93') return { state: 'failed', reason: 'a subjob failed' };
  if (code === 0) return { state: 'succeeded' };
  if (code === -29 || (code === -11 && /walltime/.test(comment))) return { state: 'expired' };
  if (code === 271) return { state: 'cancelled', by: 'somebody (qdel)' };
  return {
    state: 'failed',
    ...(code > 0 && { exitCode: code > 256 ? code - 128 : code }),
    reason: code > 0 ? `exit code ${code}` : `exit status ${code}`,
  };
}

const elementOf = (id: string): string | undefined => /\[(\d+)\]/.exec(id)?.[1];
const parentOf = (id: string): string => id.replace(/\[\d*\]/, '[]');

const qstat = (ids: readonly string[], flags: readonly string[]): Question<Report[]> => ({
  argv: ['qstat', ...flags, ...ids],
  parse({ code, stdout, stderr }) {
    // 153 and 35: some are unknown or finished; what is printed is right for the others (scheduler-facts 3).
    if (code !== 0 && code !== 153 && code !== 35) return undefined;
    if (code !== 0 && !/unknown job|has finished/i.test(stderr + stdout)) return undefined;
    const blocks = parseBlocks(stdout);
    return blocks.flatMap(({ id, fields }): Report[] => {
      const element = elementOf(id);
      // Short ids come back with the server's name.
      const own = ids.find((known) => known === parentOf(id) || parentOf(id).startsWith(`${known}.`)) ?? parentOf(id);
      const isParent = id.includes('[]') && blocks.some((block) => block.id !== id && parentOf(block.id) === id);
      if (isParent) return [];
      const state = pbsState(fields);
      const runs = Number(fields.get('run_count') ?? 0);
      const incarnation = state.state === 'queued' || state.state === 'held' ? runs : Math.max(0, runs - 1);
      return [{ id: own, incarnation, state, ...(element !== undefined && { element }), ...estimate(fields) }];
    });
  },
});

function estimate(fields: ReadonlyMap<string, string>): { start?: string } {
  const start = fields.get('estimated.start_time');
  return start ? { start } : {};
}

/** What one chunk has, for select statements (pbs_resources(7B)). */
function chunk({ request: { resources } }: BatchView, engines: number): string {
  const { cpusPerTask = 1, memory, gpus } = resources;
  const parts = [
    `ncpus=${engines * cpusPerTask}`,
    `mpiprocs=${engines}`,
    memory && `mem=${megabytesOf(memory * engines)}mb`,
    gpus && `ngpus=${gpus * engines}`,
  ];
  return parts.filter(Boolean).join(':');
}

/** Torque's own way: `nodes=N:ppn=P` (qsub(1) of Torque). */
function torqueResources({ count, layout, request, range }: BatchView): Directive[] {
  const { cpusPerTask = 1, memory, gpus } = request.resources;
  const { parts = count, perPart = 1 } = layout;
  const nodes = request.single || range ? 1 : parts;
  const each = request.single ? 1 : perPart;
  return [
    ['-l nodes', `${nodes}:ppn=${each * cpusPerTask}${gpus ? `:gpus=${gpus * each}` : ''}`],
    ...(memory ? [['-l pmem', `${megabytesOf(memory / cpusPerTask)}mb`] as const] : []),
  ];
}

function selectResources(view: BatchView): Directive[] {
  const { count, layout, request, range } = view;
  const { parts, perPart } = layout;
  if (request.single) return [['-l select', `1:${chunk(view, 1)}`]];
  if (range || parts === 1) return [['-l select', `1:${chunk(view, perPart ?? 1)}`]];
  // One chunk for each engine lies anywhere; whole nodes are asked for only where somebody has said how many (site-realities, "PBS chunks").
  if (parts === undefined || perPart === undefined) return [['-l select', `${count}:${chunk(view, 1)}`]];
  return [
    ['-l select', `${parts}:${chunk(view, perPart)}`],
    ['-l place', 'scatter'],
  ];
}

/** The dialect itself, as questions and answers. */
export function dialectOf(flavor: 'openpbs' | 'torque', project: boolean): BatchDialect {
  const isTorque = flavor === 'torque';
  return {
    prefix: '#PBS',
    shape: 'gang',
    firstIndex: 0,
    // max_array_size is 10000 unless the site says otherwise (pbs_server_attributes(7B)).
    largestArray: isTorque ? 500 : 10_000,
    refuses: {
      qos: 'PBS has no --qos: say it word for word after --, as your site wants it.',
      constraint: 'PBS has no --constraint: say which nodes in a select statement, after --.',
    },
    detect: {
      argv: ['qsub', '--version'],
      parse({ code, stdout, stderr }) {
        if (code === 127) return 'There is no PBS here: `qsub` is not on your PATH.';
        const said = stdout + stderr;
        if (/pbs_version|PBSPro|OpenPBS|^version:/im.test(said)) return '';
        return 'The `qsub` here is not that of PBS: Slurm and Grid Engine have commands of that name. Try `--launcher slurm` or `--launcher sge`.';
      },
    },
    directives(view) {
      const { name, request, range, stdout } = view;
      const { time, queue, account } = request.resources;
      const folder = stdout.replace(/stdout$/, '');
      return [
        ['-N', name],
        ['-S', '/bin/bash'],
        ['-j', 'oe'],
        ['-o', isTorque ? `${folder}scheduler` : folder],
        // Written where it belongs while it runs, not copied at the end (qsub(1B), -k).
        ...(isTorque ? [] : ([['-k', 'doe']] as const)),
        // Arrays are always rerunnable (qsub(1B), -r).
        ...(range ? [] : ([['-r', 'n']] as const)),
        ...(isTorque ? torqueResources(view) : selectResources(view)),
        ...(time ? [['-l walltime', clockOf(time)] as const] : []),
        ...(queue ? [['-q', queue] as const] : []),
        ...(account ? [[project ? '-P' : '-A', account] as const] : []),
        ...(range ? [[isTorque ? '-t' : '-J', `${range.first}-${range.last}`] as const] : []),
      ];
    },
    formatDirective: ([option, value]) =>
      value === '' ? option : option.startsWith('-l ') ? `${option}=${value}` : `${option} ${value}`,
    submit: (script, extra) => ({ argv: ['qsub', ...extra, script] }),
    parseJobId: (stdout) => /^\d+(\[\])?(\.[\w.-]+)?$/.exec(lastWords(stdout))?.[0],
    refusal: (said) => explainWords(refusals, said),
    isSilence: ({ stderr }) => /cannot connect|connection refused|no default server|timed? ?out/i.test(stderr),
    find: (names) => ({
      // qselect takes whole names only, so the names of all one's own jobs are looked at.
      argv: ['/bin/sh', '-c', 'ids=$(qselect -u "$1") || exit; [ -z "$ids" ] || qstat -f $ids', 'find', userName()],
      parse({ code, stdout }) {
        if (code !== 0 && code !== 153 && code !== 35) return undefined;
        const jobs = parseBlocks(stdout).map(({ id, fields }) => ({ id, name: fields.get('Job_Name') ?? '' }));
        return jobs.filter(({ name }) => name.startsWith(names));
      },
    }),
    status: (ids) => (isTorque ? [qstat(ids, ['-t', '-f'])] : [qstat(ids, ['-x', '-t', '-f']), qstat(ids, ['-t', '-f'])]),
    cancel: (ids) => ['qdel', ...ids],
    signal: (ids, signal) => ['qsig', '-s', signal, ...ids],
    explainReason: (reason) => explainWords(reasons, reason),
  };
}

/** Jobs of OpenPBS, PBS Professional and Torque. */
export default defineBatchLauncher({
  name: 'pbs',
  summary: 'jobs of OpenPBS and PBS Professional, or Torque (qsub)',
  options: z.object({
    flavor: z.enum(['openpbs', 'torque']).default('openpbs').describe('openpbs (PBS Professional too) or torque'),
    account: z
      .enum(['account', 'project'])
      .default('account')
      .describe('whether --account means -A (account) or -P (project) here'),
  }),
  dialect: ({ flavor, account }) => dialectOf(flavor, account === 'project'),
});
