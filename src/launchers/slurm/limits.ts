import type { Verdict } from '../../launcher-kit/evidence.js';

/*
 * Limits of associations and QOS. Slurm has some 170 words for them (job_state_reason.c), all made alike:
 * whose limit, how it counts, of what, for whom. What one means is read from its parts, the narrow ones
 * first: `PerJobLimit` also ends like `JobLimit`.
 */

/** A word for a limit, as it stands in a reason or in what sbatch says. */
const limitWord = /\b(?:(?:QOS|Assoc(?:iation)?)(?=[A-Z])\w+|Max\w+PerAccount|MaxMemPerLimit)\b/;

/** What a limit may be of: its name for people, and the words that ask for less of it. */
const things: readonly (readonly [words: RegExp, name: string, less: string])[] = [
  [/GRES/, 'GPUs or other devices', '`--gpus`'],
  [/Mem/, 'memory', '`--mem`, `-n`'],
  [/(Grp|Max|Min)Node/, 'nodes', '`--nodes`'],
  [/Lic/, 'licences', '`--licenses`, after `--`'],
  [/Energy/, 'energy', '`--time`, `-n`'],
  [/BB/, 'burst buffer', '`--bb`, after `--`'],
  [/Billing/, 'billed units', '`-n`, `--mem`, `--gpus`'],
  [/Cpu|CPU/, 'CPUs', '`-n`, `--cpus-per-task`'],
];

interface Limit {
  /** `your QOS` or `your account`. */
  owner: string;
  /** The command that shows the limit. */
  see: string;
  thing: string;
  less: string;
  /** True where the submit was refused: then the job alone is beyond the limit (sacctmgr(1), DenyOnLimit). */
  refused: boolean;
  word: string;
}

const never = ({ refused }: Limit): string => (refused ? '.' : ': it never starts as asked.');

/** Of which kind a limit is: wait, ask for less, no budget, or never as asked. The first that matches. */
const kinds: readonly (readonly [words: RegExp, explain: (limit: Limit) => Verdict])[] = [
  [/(QOS|Assoc)Min/, tooLittle],
  [/WallDurationPerJob/, tooLong],
  [/MinutesPerJob/, tooMuchForOne],
  [/Per(Job|Node)(Limit)?$|MaxMemPerLimit/, tooMuchForOne],
  [/RunMinutes/, waitForRunning],
  [/Minutes|GrpWall|TimeLimit|UsageThreshold/, noBudget],
  [/Submit|Jobs?(Limit|Per)/, tooManyJobs],
  [/./, sharedByAll],
];

/**
 * What a reason that names a limit means; undefined for one that names none. `refused`: sbatch said it, and
 * took no job.
 */
export function explainLimit(said: string, refused = false): Verdict | undefined {
  const word = limitWord.exec(said)?.[0];
  if (word === undefined) return undefined;
  const see = isOfQos(word) ? 'See `sacctmgr show qos`.' : 'See `sacctmgr show associations user=$USER`.';
  const [, thing, less] = things.find(([words]) => words.test(word)) ?? [
    '',
    'a resource',
    '`-n`, `--mem`, `--gpus`',
  ];
  return kinds.find(([words]) => words.test(word))?.[1]({
    owner: ownerOf(word),
    see,
    thing,
    less,
    refused,
    word,
  });
}

/** True for a limit of a QOS, false for one of an association. */
export const isOfQos = (word: string): boolean => !word.startsWith('Assoc');

/** Whose limit a word is of. */
export const ownerOf = (word: string): string => (isOfQos(word) ? 'your QOS' : 'your account');

/** The words that ask for less of what a limit is of; undefined for one of nothing that can be named. */
export const lessOf = (word: string): string | undefined => things.find(([words]) => words.test(word))?.[2];

function tooLittle(limit: Limit): Verdict {
  const { owner, see, thing, less } = limit;
  const sentence = `It asks for less than the minimum of ${owner} (${thing})${never(limit)}`;
  return {
    code: 'under-minimum',
    sentence,
    suggestions: [`Ask for more: ${less}; or another \`--qos\`.`, see],
  };
}

function tooLong(limit: Limit): Verdict {
  const sentence = `It asks for more time than ${limit.owner} allows one job${never(limit)}`;
  return { code: 'too-long', sentence, suggestions: ['Ask for less: `--time`.', limit.see] };
}

function tooMuchForOne(limit: Limit): Verdict {
  const { owner, see, thing, less, word } = limit;
  const times = word.includes('Minutes');
  const one = word.includes('PerNode') ? 'one job on a node' : 'one job';
  const sentence =
    `It asks for more ${thing}${times ? ' × time' : ''} than ${owner} allows ` + `${one}${never(limit)}`;
  return {
    code: 'over-limit',
    sentence,
    suggestions: [`Ask for less: ${times ? '`--time`, ' : ''}${less}.`, see],
  };
}

function waitForRunning(limit: Limit): Verdict {
  const { owner, see, thing, less, refused } = limit;
  const suggestions = [`Ask for less: \`--time\`, ${less}.`, see];
  if (refused)
    return {
      code: 'over-limit',
      sentence: `It asks for more ${thing} × time than ${owner} allows to run at once.`,
      suggestions,
    };
  const sentence =
    `Running jobs have as much ${thing} × time before them as ${owner} allows: it waits until running ` +
    'jobs get on. ' +
    'If it alone asks for more, it never starts.';
  return { code: 'limit', sentence, suggestions: ['Wait.', `Sooner with less: \`--time\`, ${less}.`, see] };
}

function noBudget({ owner, refused }: Limit): Verdict {
  const sentence = refused
    ? `It asks for more than the whole budget of ${owner}.`
    : `There is no budget for it: ${owner} has not enough time left, and that other jobs end does not help.`;
  return {
    code: 'no-budget',
    sentence,
    suggestions: [
      'Another one: `--account` or `--qos`.',
      'Less, if some is left: `--time`, `-n`; see `sshare`.',
    ],
  };
}

function tooManyJobs({ owner, see, refused, word }: Limit): Verdict {
  const there = word.includes('Submit') ? 'in the queue' : 'running';
  const sentence =
    `There are as many jobs ${there} as ${owner} ` + `allows${refused ? '' : ': it waits until others end'}.`;
  const suggestions = [
    'Wait for others to end.',
    'Ask for less: each element of an array counts, and `--shape gang` is one job.',
    see,
  ];
  return { code: 'limit', sentence, suggestions };
}

function sharedByAll({ owner, see, thing, less, refused, word }: Limit): Verdict {
  const whose = /PerUser/.test(word)
    ? 'your jobs'
    : /^Max/.test(word)
      ? 'the jobs of your account'
      : `all jobs of ${owner}`;
  const suggestions = [`Ask for less: ${less}.`, see];
  if (refused)
    return {
      code: 'over-limit',
      sentence: `It alone asks for more ${thing} than ${owner} allows.`,
      suggestions,
    };
  const sentence =
    `${whose[0]?.toUpperCase()}${whose.slice(1)} together may have no more ${thing} (a limit of ` +
    `${owner}): it waits until others end. ` +
    'If it alone asks for more, it never starts.';
  return { code: 'limit', sentence, suggestions: ['Wait for others to end.', ...suggestions] };
}
