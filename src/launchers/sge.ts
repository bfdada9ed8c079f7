import { IpclusterError } from '../base/errors.js';
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
import type { Sayings } from '../launcher-kit/sayings.js';
import type { State } from '../launcher-kit/states.js';
import { clockOf, explainWords, lastWords, megabytesOf, type Phrase } from '../launcher-kit/words.js';

/** What options of qsub say of our settings. */
const sayings: Sayings = {
  partition: /^-(q|masterq) /,
  account: /^-[AP] /,
  time: /^-l .*\b[hs]_(rt|cpu)\b/,
  mem: /^-l .*\b(\w+_)?(vmem|vf|free|rss|data)\b/,
  n: /^-pe /,
};

/** Why a submit is refused: qsub's words (recorded from Grid Engine 8.1.9). */
const refusals: readonly Phrase[] = [
  {
    words: /unknown queue/i,
    code: 'bad-partition',
    sentence: 'There is no queue of that name.',
    suggestions: ['See `qconf -sql`.', 'Name one: `--queue`.'],
  },
  {
    words: /project .* does not exist|no access to project/i,
    code: 'bad-account',
    sentence: 'That project is not yours.',
    suggestions: ['See `qconf -sprjl`.', 'Name one: `--account`.'],
  },
  {
    words: /parallel environment .* does not exist/i,
    code: 'bad-directive',
    sentence: 'There is no parallel environment of that name.',
    suggestions: ['See `qconf -spl`; name one: `-o pe=NAME`.'],
  },
  {
    words: /no suitable queues/i,
    code: 'never-fits',
    sentence: 'No queue could ever give what is asked for.',
    suggestions: ['See `qhost`.', 'Ask for less: `-n`, `--mem`, `--time`.'],
  },
  {
    words: /unknown resource|is not a (memory|time) value|numerical value invalid|invalid task id/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this Grid Engine knows.',
    suggestions: ['See them: `--dry-run`. Replace or remove them: `--directives`.'],
  },
  {
    words: /more than \d+ tasks|limit|would exceed/i,
    code: 'limit',
    sentence: 'You have as many jobs, or ask for as many, as you may have.',
    suggestions: ['Wait for others to end.'],
  },
  { words: /no access|not permitted|permission/i, code: 'not-allowed', sentence: 'You may not use that queue.' },
];

const reasons: readonly Phrase[] = [
  {
    words: /^error state$/,
    code: 'launch-failed',
    sentence: 'Grid Engine could not start it and has set it aside: it will never start like this.',
    suggestions: ['See `qstat -j ID`, "error reason".', 'Does the compute node see the work folder? `--work-dir`.'],
  },
  { words: /^held$/, code: 'held', sentence: 'It is held.', suggestions: ['Let it go: `qrls ID`; see `qstat -j ID`.'] },
  {
    words: /^waiting$/,
    code: 'pending-resources',
    sentence: 'It waits for free slots, or asks for more than any queue has.',
    suggestions: ['See `qstat -j ID`, "scheduling info".'],
  },
  {
    words: /^signal \d+$/,
    code: 'cancelled',
    sentence: 'It was ended by a signal: a `qdel`, a limit, or somebody on the node.',
  },
  {
    words: /^failed 37$/,
    code: 'time-limit',
    sentence: 'It ran into a limit of time or memory (h_rt, h_vmem).',
    suggestions: ['Ask for more: `--time`, `--mem`.'],
  },
  {
    words: /^failed (1|7|8|21|25|26|27|28)$/,
    code: 'launch-failed',
    sentence: 'Grid Engine could not start its script: its folder, shell or output file cannot be used there.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
];

/** The letters of qstat's state combine (sge_status(5)): E is an error, d a deletion, h a hold, s S T suspended. */
export function sgeState(letters: string): State {
  if (letters.includes('E')) return { state: 'held', reason: 'error state' };
  if (letters.includes('d')) return { state: 'ending' };
  if (/^[tR]*[rt]$|^hr$/.test(letters)) return { state: 'running' };
  if (/[sST]/.test(letters)) return { state: 'suspended' };
  if (letters.includes('h')) return { state: 'held', reason: 'held' };
  if (letters.includes('q')) return { state: 'queued', reason: 'waiting' };
  if (letters === 'z') return { state: 'unknown', since: new Date().toISOString(), cause: 'Grid Engine says that it has ended' };
  return { state: 'unknown', since: new Date().toISOString(), cause: `Grid Engine says "${letters}"` };
}

/** The flat elements of one `job_list` in qstat's XML. */
const textOf = (block: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(block)?.[1]?.trim() ?? '';
const jobLists = (xml: string): string[] =>
  [...xml.matchAll(/<job_list[^>]*>([\s\S]*?)<\/job_list>/g)].map(([, block = '']) => block);

/** Expands `4-8:2,11` as qstat shows tasks that wait. */
function tasksOf(text: string): string[] {
  return text.split(',').flatMap((part) => {
    const [, first, last = first, step = '1'] = /^(\d+)(?:-(\d+))?(?::(\d+))?$/.exec(part.trim()) ?? [];
    if (first === undefined) return [];
    const count = Math.floor((Number(last) - Number(first)) / Number(step)) + 1;
    return Array.from({ length: count }, (_unused, index) => String(Number(first) + index * Number(step)));
  });
}

const qstat = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['qstat', '-xml', '-u', userName()],
  parse({ code, stdout }) {
    if (code !== 0 || !stdout.includes('</job_info>')) return undefined;
    return jobLists(stdout).flatMap((block): Report[] => {
      const id = textOf(block, 'JB_job_number');
      if (!ids.includes(id)) return [];
      const letters = textOf(block, 'state');
      const report = { id, incarnation: letters.includes('R') ? 1 : 0, state: sgeState(letters) };
      const tasks = tasksOf(textOf(block, 'tasks'));
      return tasks.length === 0 ? [report] : tasks.map((element) => ({ ...report, element }));
    });
  },
});

/** Ended jobs: qacct's text, a block for each task, some seconds late (accounting(5)). */
const qacct = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['/bin/sh', '-c', 'for id; do qacct -j "$id"; done; true', 'ended', ...ids],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    return stdout.split(/^=+$/m).flatMap((block): Report[] => {
      const field = (name: string): string => new RegExp(`^${name}\\s+(.*)$`, 'm').exec(block)?.[1]?.trim() ?? '';
      const [id, task] = [field('jobnumber'), field('taskid')];
      if (!ids.includes(id)) return [];
      return [
        { id, incarnation: 0, state: endOf(field('failed'), field('exit_status')), ...(/^\d+$/.test(task) && { element: task }) },
      ];
    });
  },
});

function endOf(failed: string, exit: string): State {
  const [why, code] = [Number.parseInt(failed, 10), Number.parseInt(exit, 10)];
  if (why === 37) return { state: 'expired' };
  // qdel, a limit and somebody's kill -9 look the same in the accounts.
  if (why === 100 && code >= 128) return { state: 'failed', exitCode: code, reason: `signal ${code - 128}` };
  if (why !== 0) return { state: 'failed', reason: `failed ${why}` };
  return code === 0 ? { state: 'succeeded' } : { state: 'failed', exitCode: code, reason: `exit code ${code}` };
}

interface Options {
  pe?: string | undefined;
  gpu: string;
  account: 'account' | 'project';
}

/** Slots beyond one need a parallel environment, and its name is the site's (qconf -spl). */
function slots({ count, request, layout, range }: BatchView, pe: string | undefined): Directive[] {
  const { cpusPerTask = 1 } = request.resources;
  const engines = request.single ? 1 : layout.shape === 'array' ? (layout.perPart ?? 1) : count;
  const wanted = engines * (request.single ? 1 : cpusPerTask);
  if (wanted === 1 && (range || request.single)) return [];
  if (wanted === 1) return [];
  if (pe) return [['-pe', `${pe} ${wanted}`]];
  throw new IpclusterError(
    'RESOURCES',
    `${wanted} slots for one job need a parallel environment, and this Grid Engine's names are its own.`,
    {
      suggestions: [
        'See them: `qconf -spl`; name one: `-o pe=NAME`.',
        'Ask for single slots: `--shape array` without --cpus-per-task and --ntasks-per-node.',
      ],
    },
  );
}

/** The dialect itself, as questions and answers. */
export function dialectOf({ pe, gpu, account }: Options): BatchDialect {
  return {
    prefix: '#$',
    shape: 'array',
    firstIndex: 1,
    // max_aj_tasks is 75000 unless the site says otherwise (sge_conf(5)).
    largestArray: 75_000,
    refuses: {
      nodes: 'Grid Engine has no --nodes: a parallel environment spreads slots as its site has set it (-o pe=NAME).',
      qos: 'Grid Engine has no --qos: say it word for word after --, as your site wants it.',
      constraint: 'Grid Engine has no --constraint: say it after --, such as -l arch=x.',
    },
    detect: {
      argv: ['qsub', '-help'],
      parse({ code, stdout, stderr }) {
        if (code === 127) return 'There is no Grid Engine here: `qsub` is not on your PATH.';
        return /^(SGE|GE|UGE|OGS|Son of|AGE)\b/im.test(stdout + stderr)
          ? ''
          : 'The `qsub` here is not that of Grid Engine: PBS and Slurm have commands of that name.';
      },
    },
    directives(view) {
      const { name, request, range, stdout } = view;
      const { time, queue, memory, gpus, cpusPerTask = 1, account: payer } = request.resources;
      return [
        ['-N', name],
        ['-S', '/bin/bash'],
        ['-j', 'y'],
        ['-o', stdout.replace(/stdout$/, 'scheduler')],
        ['-r', 'n'],
        ...slots(view, pe),
        ...(time ? [['-l h_rt', clockOf(time)] as const] : []),
        ...(memory ? [['-l h_vmem', `${megabytesOf(memory / cpusPerTask)}M`] as const] : []),
        ...(gpus ? [[`-l ${gpu}`, String(gpus)] as const] : []),
        ...(queue ? [['-q', queue] as const] : []),
        ...(payer ? [[account === 'project' ? '-P' : '-A', payer] as const] : []),
        ...(range ? [['-t', `${range.first}-${range.last}`] as const] : []),
      ];
    },
    formatDirective: ([option, value]) =>
      value === '' ? option : option.startsWith('-l ') ? `${option}=${value}` : `${option} ${value}`,
    sayings,
    submit: (script, extra) => ({ argv: ['qsub', '-terse', ...extra, script] }),
    parseJobId: (stdout) => /^(\d+)(?:\.\d+-\d+:\d+)?$/.exec(lastWords(stdout))?.[1],
    refusal: (said) => explainWords(refusals, said),
    isSilence: ({ stderr }) =>
      /unable to (contact|send|connect)|got no connection|can't connect|timeout|commlib error/i.test(stderr),
    find: (names) => ({
      argv: ['qstat', '-xml', '-u', userName()],
      parse({ code, stdout }) {
        if (code !== 0 || !stdout.includes('</job_info>')) return undefined;
        const jobs = jobLists(stdout).map((block) => ({ id: textOf(block, 'JB_job_number'), name: textOf(block, 'JB_name') }));
        return jobs.filter(({ id, name }, index) => name.startsWith(names) && jobs.findIndex((job) => job.id === id) === index);
      },
    }),
    status: (ids) => [qstat(ids), qacct(ids)],
    cancel: (ids) => ['qdel', ...ids],
    signal(_ids, name) {
      throw new IpclusterError('RESOURCES', `Grid Engine sends no ${name} to a job on demand.`, {
        suggestions: ['Its own ways are suspend and delete: `qmod -sj`, `qdel`.'],
      });
    },
    explainReason: (reason) => explainWords(reasons, reason),
  };
}

/** Jobs of Grid Engine. */
export default defineBatchLauncher({
  name: 'sge',
  summary: 'jobs of Grid Engine (qsub)',
  options: z.object({
    pe: z.string().optional().describe('the parallel environment for jobs of several slots (qconf -spl)'),
    gpu: z.string().default('gpu').describe('the complex that counts GPUs here'),
    account: z
      .enum(['account', 'project'])
      .default('account')
      .describe('whether --account means -A (account) or -P (project) here'),
  }),
  dialect: dialectOf,
});
