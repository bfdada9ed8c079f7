import type { Verdict } from '../../launcher-kit/evidence.js';
import { explainWords, type Phrase } from '../../launcher-kit/words.js';

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
    words: /can't resolve hostname/i,
    code: 'never-fits',
    sentence: 'There is no host of that name: it never starts as asked.',
    suggestions: ['See `qhost`.'],
  },
  {
    words: /not allowed to (submit|run)|no access|not permitted|permission/i,
    code: 'not-allowed',
    sentence: 'You may not submit jobs to it.',
    suggestions: ['Ask the administrators.', 'Another queue: `--queue`; see `qconf -sql`.'],
  },
  {
    words: /no suitable queues/i,
    code: 'never-fits',
    sentence: 'No queue could ever give what is asked for.',
    suggestions: ['See `qhost`.', 'Ask for less: `-n`, `--mem`, `--time`.'],
  },
  {
    words:
      /unknown resource|is not a (memory|time) value|numerical value invalid|invalid task id|unknown option|invalid option/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this Grid Engine knows.',
    suggestions: ['See them: `--dry-run`. Replace or remove them: `--directives`.'],
  },
  {
    words: /limit|would exceed/i,
    code: 'limit',
    sentence: 'It is beyond a limit.',
    suggestions: ['Wait for others to end.'],
  },
];

/** Limits that qsub names with their numbers (sge_conf(5): max_u_jobs, max_jobs, max_aj_tasks). */
function explainLimit(said: string): Verdict | undefined {
  const [, jobs, whose] = /only (\d+) jobs are allowed per (user|cluster)/.exec(said) ?? [];
  if (jobs !== undefined) {
    const ofUser = whose === 'user';
    const sentence = ofUser
      ? `You may have ${jobs} jobs here at once, waiting or running (max_u_jobs), and you have them.`
      : `There may be ${jobs} jobs here at once (max_jobs), and there are.`;
    const suggestions = [
      'Wait for others to end.',
      'An array is one job: `--shape array`.',
      'See `qconf -sconf`.',
    ];
    return { code: 'limit', sentence, suggestions };
  }
  const tasks = /more than (\d+) tasks/.exec(said)?.[1];
  if (tasks === undefined) return undefined;
  return {
    code: 'over-limit',
    sentence: `An array may have ${tasks} elements here (max_aj_tasks): it never starts as asked.`,
    suggestions: [
      'Fewer: `-n`, or several engines for each: `--ntasks-per-node` with `-o pe=NAME`.',
      'See `qconf -sconf`.',
    ],
  };
}

/** What qsub means by its refusal. */
export const explainRefusal = (said: string): Verdict | undefined =>
  explainLimit(said) ?? explainWords(refusals, said);
