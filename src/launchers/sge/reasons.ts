import type { Verdict } from '../../launcher-kit/evidence.js';

/** Words that are Grid Engine's, with a sentence that may say parts of them again. */
interface Meaning {
  words: RegExp;
  code: string;
  sentence(...parts: string[]): string;
  suggestions?(...parts: string[]): string[];
}

/** Flags of ours that ask for less of a resource (-l). */
const flags: Record<string, string> = {
  h_vmem: '`--mem`',
  h_rt: '`--time`',
  s_rt: '`--time`',
  gpu: '`--gpus`',
};
const lessOf = (resource: string): string => flags[resource] ?? 'the words after `--`, or `--directives`';
/** Of all that is asked for (-l), what was asked of one resource. */
const askedOf = (all: string, resource: string): string =>
  all.split(',').find((one) => one.startsWith(`${resource}=`)) ?? resource;

/** It never starts: what it asks for is nowhere, or not for it. */
const never: readonly Meaning[] = [
  {
    words: /^never.* exceeds limit "[^"]*" in rule "([^/"]+)/,
    code: 'over-limit',
    sentence: (rule) =>
      `It alone asks for more than the resource quota set "${rule}" allows: it never starts as asked.`,
    suggestions: (rule) => ['Ask for less: `-n`, `--cpus-per-task`.', `See \`qconf -srqs ${rule}\`.`],
  },
  {
    words: /^never.* PE "([^"]*)" is in no queue/,
    code: 'never-fits',
    sentence: (pe) => `The parallel environment "${pe}" is in no queue: it never starts as asked.`,
    suggestions: () => ['Another one: `-o pe=NAME`; see `qconf -spl`, and pe_list of `qconf -sq QUEUE`.'],
  },
  {
    words: /^never.* PE "([^"]*)" because it only offers (\d+) slots/,
    code: 'never-fits',
    sentence: (pe) =>
      `The parallel environment "${pe}" can never give it so many slots: it never starts as asked.`,
    suggestions: (pe) => [
      'Ask for fewer: `-n`, `--cpus-per-task`.',
      `See \`qconf -sp ${pe}\`, \`qhost\` and \`qquota\`.`,
    ],
  },
  {
    words: /^never.*cannot run \w+ \w+ "([^"]*)" because it offers only \w+:slots=(\S+)/,
    code: 'never-fits',
    sentence: (where) =>
      `No queue has a slot for it, even when nothing runs (${where}): it never starts as asked.`,
    suggestions: () => ['Another queue: `--queue`; see `qstat -f`.'],
  },
  {
    words: /^never.*: \(-l ([^)]*)\) cannot run \w+ \w+ "([^"]*)" because it offers only \w+:(\w+)=(\S+)/,
    code: 'never-fits',
    sentence: (all, where, resource, offered) =>
      `No queue has what it asks for (-l ${askedOf(all, resource)}): ${where} offers ` +
      `${resource}=${offered}. It never starts as asked.`,
    suggestions: (_all, _where, resource) => [
      `Ask for less, or for something else: ${lessOf(resource)}.`,
      'See `qhost -F`.',
    ],
  },
  {
    words: /^never.*project to run in (?:cluster )?queue "([^"]*)"/,
    code: 'bad-account',
    sentence: (queue) =>
      `The queue ${queue} is for jobs of certain projects, and it is of none of them: it never ` +
      'starts as asked.',
    suggestions: (queue) => [
      'Name one: `-o account=project --account NAME`.',
      `See \`qconf -sq ${queue}\`, projects and xprojects.`,
    ],
  },
  {
    words: /^never.*permission for (?:cluster )?queue "([^"]*)"/,
    code: 'not-allowed',
    sentence: (queue) => `You may not use the queue ${queue}: it never starts as asked.`,
    suggestions: (queue) => [
      `Another one: \`--queue\`; see \`qconf -sq ${queue}\`, user_lists and xuser_lists.`,
    ],
  },
  {
    words: /^never as asked: (.*)/,
    code: 'never-fits',
    sentence: (said) => `No queue could ever take it: ${said}.`,
    suggestions: () => ['See `qalter -w v ID`.'],
  },
];

/** It waits for others, and that ends by itself. */
const waits: readonly Meaning[] = [
  {
    words: /^not now.* exceeds limit "([^"]*)" in rule "([^/"]+)/,
    code: 'limit',
    sentence: (_who, rule) =>
      `The resource quota set "${rule}" lets no more run at once: it waits until others end.`,
    suggestions: (_who, rule) => [
      'Wait for others to end, or ask for less: `-n`.',
      `See \`qquota\` and \`qconf -srqs ${rule}\`.`,
    ],
  },
  {
    words: /^user limitations: maxujobs is (\d+)/,
    code: 'limit',
    sentence: (most) =>
      `You may run ${most} jobs at once here (maxujobs), and each element of an array counts: it waits ` +
      'until others end.',
    suggestions: () => [
      'Wait for others to end, or ask for fewer: `-n`.',
      'Several engines in one job: `--shape gang -o pe=NAME`.',
    ],
  },
  {
    words: /^max_aj_instances/,
    code: 'limit',
    sentence: () =>
      'No more elements of one array run at once (max_aj_instances): it waits until others end.',
    suggestions: () => ['See `qconf -sconf`.'],
  },
  {
    words: /^not before (.*)/,
    code: 'pending-begin',
    sentence: (when) => `It was asked to begin not before ${when}, and waits until then.`,
    suggestions: () => ['Now: `qalter -a $(date +%m%d%H%M) ID`.'],
  },
  {
    words: /^not now: queue (\S+) is not reachable/,
    code: 'nodes-down',
    sentence: (queue) =>
      `Hosts that it could run on do not answer Grid Engine (${queue}): it waits until they are back.`,
    suggestions: () => ['See `qhost` and `qstat -f -explain a`.'],
  },
  {
    words: /^not now: queue (\S+) is (\w+) by its calendar/,
    code: 'partition-down',
    sentence: (queue, how) =>
      `Its queue is ${how} by its calendar (${queue}): it waits until the calendar opens it.`,
    suggestions: () => [
      'When? `qconf -sq QUEUE`, calendar, and `qconf -scal` of that.',
      'Another one: `--queue`; see `qstat -f`.',
    ],
  },
  {
    words: /^not now: queue (\S+) is in error state/,
    code: 'partition-down',
    sentence: (queue) =>
      `Its queue is in error state (${queue}): nothing starts in it until an administrator clears it ` +
      `(\`qmod -cq\`).`,
    suggestions: () => ['Why? `qstat -f -explain E`.', 'Another one: `--queue`.'],
  },
  {
    words: /^not now: queue (\S+) is (disabled|suspended)/,
    code: 'partition-down',
    sentence: (queue, how) =>
      `Its queue is ${how} (${queue}): nothing starts in it until an administrator opens it again.`,
    suggestions: () => ['Another one: `--queue`; see `qstat -f`.'],
  },
  {
    words: /^not now: \(-l ([^)]*)\).* offers only \w+:(?!slots=)(\w+)=/,
    code: 'pending-resources',
    sentence: (all, resource) =>
      `Others have what it asks for (-l ${askedOf(all, resource)}): it waits until they end.`,
    suggestions: (_all, resource) => [`Sooner with less: ${lessOf(resource)}.`, 'See `qhost -F`.'],
  },
  {
    words: /^not now/,
    code: 'pending-resources',
    sentence: () => 'All slots that it could have are taken: it waits until others end.',
    suggestions: () => ['See `qstat -f`.'],
  },
];

/** Somebody holds it, or Grid Engine has set it aside. */
const holds: readonly Meaning[] = [
  {
    words: /^error state: (.*)/,
    code: 'launch-failed',
    sentence: (said) =>
      `Grid Engine could not start it and has set it aside (Eqw): ${said}. It stays there until it ` +
      'is released.',
    suggestions: () => [
      'Mend that, then release it: `qmod -cj ID`.',
      'Does the compute node see the work folder? `--work-dir`.',
    ],
  },
  {
    words: /^error state$/,
    code: 'launch-failed',
    sentence: () =>
      'Grid Engine could not start it and has set it aside (Eqw): it stays there until it is released.',
    suggestions: () => [
      'Why? `qstat -j ID`, "error reason"; then release it: `qmod -cj ID`.',
      'Does the compute node see the work folder? `--work-dir`.',
    ],
  },
  {
    words: /(operator|system) hold/,
    code: 'held',
    sentence: (who) =>
      `${who === 'operator' ? 'An operator' : 'An administrator'} holds it (${who} hold): you cannot ` +
      'let it go yourself.',
    suggestions: (who) => [`Ask them to let it go: \`qrls -h ${who[0]} ID\`.`],
  },
  {
    words: /user hold/,
    code: 'held',
    sentence: () => 'You hold it yourself (user hold).',
    suggestions: () => ['Let it go: `qrls ID`.'],
  },
  {
    words: /dependency on (\S+)/,
    code: 'pending-dependency',
    sentence: (jobs) => `It waits for the end of another job (${jobs}).`,
    suggestions: () => ['No longer: `qalter -hold_jid 0 ID`.'],
  },
  {
    words: /^held$/,
    code: 'held',
    sentence: () => 'It is held.',
    suggestions: () => ['Let it go: `qrls ID`; see `qstat -j ID`.'],
  },
  {
    words: /^waiting$/,
    code: 'pending-resources',
    sentence: () => 'Grid Engine has room for it, or does not say why not: it waits for its turn.',
    suggestions: () => ['See `qalter -w p ID` and `qstat -f`.'],
  },
];

const ends: readonly Meaning[] = [
  {
    words: /^signal \d+$/,
    code: 'cancelled',
    sentence: () => 'It was ended by a signal: a `qdel`, a limit, or somebody on the node.',
  },
  {
    words: /^failed 37$/,
    code: 'time-limit',
    sentence: () => 'It ran into a limit of time or memory (h_rt, h_vmem).',
    suggestions: () => ['Ask for more: `--time`, `--mem`.'],
  },
  {
    words: /^failed (1|7|8|21|25|26|27|28)$/,
    code: 'launch-failed',
    sentence: () =>
      'Grid Engine could not start its script: its folder, shell or output file cannot be used there.',
    suggestions: () => ['Does the compute node see the work folder? `--work-dir`.'],
  },
];

const meanings = [...never, ...waits, ...holds, ...ends];

/** What a reason means: Grid Engine's letters, accounts, and answers to `qalter -w` (recorded from 8.1.9). */
export function explainReason(reason: string): Verdict | undefined {
  for (const { words, code, sentence, suggestions } of meanings) {
    const [found, ...parts] = words.exec(reason) ?? [];
    if (found !== undefined)
      return { code, sentence: sentence(...parts), suggestions: suggestions?.(...parts) ?? [] };
  }
  return undefined;
}
