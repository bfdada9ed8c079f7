import type { Question, Verdict } from '../../launcher-kit/contract.js';
import { limitOf } from './directives.js';
import { isOfQos, lessOf, ownerOf } from './limits.js';
import { bareList, onCluster } from './questions.js';

/*
 * A limit that many jobs share says `Grp` or `PerUser`, whether the others stand in the way or the job alone
 * is too large. The numbers are in slurmctld, for everybody to see unless PrivateData hides them
 * (scontrol(1), "show assoc_mgr").
 */

/** What asks: the job, then the records of its account and of its QOS. */
const script = `id=$1
shift
job=$(scontrol "$@" -o show job "$id") || exit 1
field() { printf '%s\\n' "$job" | sed -n "1s/.* $1=\\([^ ]*\\).*/\\1/p"; }
printf 'job %s\\n' "$job"
scontrol "$@" -o show assoc_mgr flags=assoc accounts="$(field Account)"
scontrol "$@" -o show assoc_mgr flags=qos qos="$(field QOS)"`;

/**
 * Where the number of a limit stands, by how its word is made; `minutes` for what is multiplied by the job's
 * time.
 */
const places: readonly (readonly [word: RegExp, field: string, minutes?: true])[] = [
  [/^AssocGrp\w+RunMinutes/, 'GrpTRESRunMins', true],
  [/^QOSGrp\w+RunMinutes/, 'GrpTRESRunMins', true],
  [/^(Assoc|QOS)Grp(Cpu|CPU|Mem|Node|GRES|Billing)Limit/, 'GrpTRES'],
  [/^QOSMax(Cpu|CPU|Mem|Node|GRES)PerUser/, 'MaxTRESPU'],
  [/^(QOS)?Max(Cpu|CPU|Mem|Node|GRES)PerAccount/, 'MaxTRESPA'],
];

/** What a word is of: its name in lists of resources, and the unit in which people count it. */
const things: readonly (readonly [word: RegExp, name: string, unit: string])[] = [
  [/Mem/, 'mem', 'MB of memory'],
  [/Node/, 'node', 'nodes'],
  [/GRES/, 'gres/gpu', 'GPUs'],
  [/Billing/, 'billing', 'billed units'],
  [/Cpu|CPU/, 'cpu', 'CPUs'],
];

/**
 * Whether a waiting job alone is beyond the limit that its reason names: then it never starts as asked.
 * Undefined where it is not.
 */
export const limitAlone = (ids: readonly string[], reason: string): Question<Verdict> => ({
  argv: ['/bin/sh', '-c', script, 'limit', bareList(ids.slice(0, 1)), ...onCluster(ids)],
  parse: ({ code, stdout }) => (code === 0 ? compare(stdout, reason) : undefined),
});

function compare(said: string, reason: string): Verdict | undefined {
  const place = places.find(([word]) => word.test(reason));
  const thing = things.find(([word]) => word.test(reason));
  const [job = '', ...records] = said.split('\n');
  if (!place || !thing) return undefined;
  const [, field, minutes] = place;
  const [, name, unit] = thing;
  const wanted = amountIn(/ (?:Req)?TRES=(\S+)/.exec(job)?.[1] ?? '', name);
  const time = minutes ? minutesOf(/ TimeLimit=(\S+)/.exec(job)?.[1] ?? '') : 1;
  if (wanted === undefined || time === undefined) return undefined;
  const lists = records
    .filter((line) => line.startsWith('QOS=') === isOfQos(reason))
    .flatMap((line) => listsIn(line, field));
  const most = Math.min(...lists.flatMap((list) => amountIn(list, name) ?? []));
  if (!(wanted * time > most)) return undefined;
  return {
    code: 'over-limit',
    sentence:
      `It alone asks for ${wanted * time} ${unit}${minutes ? ' × minutes' : ''}, and ${ownerOf(reason)} ` +
      `may have ${most} in all: it never starts as asked.`,
    suggestions: [`Ask for less: ${minutes ? '`--time`, ' : ''}${lessOf(reason)}.`],
  };
}

const listsIn = (line: string, field: string): string[] =>
  [...line.matchAll(new RegExp(`\\b${field}=(\\S+)`, 'g'))].map(([, list]) => list ?? '');

/**
 * A number in a list such as `cpu=2(0),mem=400M,node=N(0)`: megabytes for memory; undefined for none, and for
 * `N`, which is no limit.
 */
function amountIn(list: string, name: string): number | undefined {
  const found = list.split(',').find((part) => part.startsWith(`${name}=`) || part.startsWith(`${name}:`));
  const [, number, unit] = /[=](\d+(?:\.\d+)?)([KMGTP]?)/.exec(found ?? '') ?? [];
  if (number === undefined) return undefined;
  const factors: Record<string, number> = { K: 1 / 1024, G: 1024, T: 1024 ** 2, P: 1024 ** 3 };
  return Number(number) * (name === 'mem' ? (factors[unit ?? ''] ?? 1) : 1);
}

/** Minutes of a limit as Slurm prints it; undefined for `UNLIMITED` and what is no time. */
function minutesOf(text: string): number | undefined {
  const limit = limitOf(text);
  return limit === undefined ? undefined : Number.parseInt(limit, 10) / 60;
}
