import { userName } from '../../base/owner.js';
import type { Question, Waiting } from '../../launcher-kit/contract.js';

/*
 * Why a job waits. qstat says it for all jobs by letters only, and by its "scheduling info" only where
 * schedd_job_info is on, which it is at few sites. `qalter -w v` (could it run were everything free?) and `-w
 * p` (as it is now?) always answer, and change nothing.
 */

/**
 * Asks for one job after another; what is slow is asked only where it says more. `$1` is the user, then jobs
 * with their states.
 */
const script = `
user=$1; shift
while [ $# -gt 1 ]; do
  printf '== %s %s\\n' "$1" "$2"
  qstat -j "$1" | sed -n '/^error reason/p; /^execution_time/p; /^jid_predecessor_list:/p; /^scheduling info/,$p'
  case $2 in
    held) for hold in hu ho hs hj; do qstat -s "$hold" -u "$user" | awk -v id="$1" -v hold="$hold" '$1 == id { print "hold " hold; exit }'; done ;;
    waiting)
      free=$(qalter -w v "$1" 2>&1) now=
      case $free in *'found suitable'*) now=$(qalter -w p "$1" 2>&1) ;; esac
      printf '%s\\n' "$free" | sed 's/^/free /'
      printf '%s\\n' "$now" | sed 's/^/now /'
      pe=$(printf '%s\\n' "$free" | sed -n 's/.*cannot run in PE "\\([^"]*\\)".*/\\1/p' | head -n 1)
      [ -z "$pe" ] || qselect -pe "$pe" >/dev/null 2>&1 || printf 'nowhere %s\\n' "$pe"
      case $now in *'not available'*) qstat -f | awk '$1 ~ /@/ && $6 != "" { print "queue " $1 " " $6 }' ;; esac
      case $now in *'found suitable'*)
        qconf -ssconf | sed -n 's/^maxujobs/scheduler &/p'
        qstat -s r -u "$user" | awk '$1 ~ /^[0-9]/ { count++ } END { print "running " count + 0 }' ;;
      esac ;;
  esac
  shift 2
done
`;

/**
 * What a job that waits waits for, in Grid Engine's own words; jobs of which it says nothing are left out.
 */
export const askReasons = (jobs: readonly Waiting[]): Question<Waiting[]> => ({
  argv: [
    '/bin/sh',
    '-c',
    script,
    'waiting',
    userName(),
    ...jobs.flatMap(({ id, reason }) => [id, reason.split(' ')[0] ?? '']),
  ],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    const blocks = stdout.split(/^== /m).slice(1);
    return jobs.flatMap((job) => {
      const block = blocks.find((text) => text.startsWith(`${job.id} ${job.reason.split(' ')[0]}\n`)) ?? '';
      const reason = reasonOf(job.reason, block);
      return reason === undefined ? [] : [{ ...job, became: reason }];
    });
  },
});

/** The reason of one job, by the word for its state (see states.ts). */
function reasonOf(word: string, block: string): string | undefined {
  if (word === 'error state') return errorOf(block);
  return word === 'held' ? holdsOf(block) : waitOf(block);
}

function errorOf(block: string): string | undefined {
  const said = /^error reason\s+\d+:\s*(?:.*?\]: )?(?:error: )?(.*)$/m.exec(block)?.[1];
  return said && `error state: ${said.trim()}`;
}

const holders: Record<string, string> = { hu: 'user hold', ho: 'operator hold', hs: 'system hold' };

function holdsOf(block: string): string | undefined {
  const holds = [...block.matchAll(/^hold (\w+)$/gm)].map(([, letters = '']) => letters);
  const others = /^jid_predecessor_list:\s*(\S+)/m.exec(block)?.[1];
  const words = holds.map((letters) => (letters === 'hj' ? `dependency on ${others}` : holders[letters]));
  return words.length > 0 ? words.join(', ') : undefined;
}

function waitOf(block: string): string | undefined {
  const begin = /^execution_time:\s*(.*)$/m.exec(block)?.[1];
  if (begin && Date.parse(begin) > Date.now()) return `not before ${begin.replaceAll(/\s+/g, ' ')}`;
  const pe = /^nowhere (\S+)/m.exec(block)?.[1];
  if (pe) return `never as asked: PE "${pe}" is in no queue`;
  const never = refusalIn(block, 'free');
  if (never) return `never as asked: ${never}`;
  const now = refusalIn(block, 'now');
  if (now) return `not now: ${closedQueue(now, block) ?? now}`;
  const most = Number(/^scheduler maxujobs\s+(\d+)/m.exec(block)?.[1] ?? 0);
  const running = Number(/^running (\d+)/m.exec(block)?.[1] ?? 0);
  if (most > 0 && running >= most) return `user limitations: maxujobs is ${most}`;
  return /max_aj_instances/.test(block) ? 'max_aj_instances' : undefined;
}

/** Of the lines that say why each queue does not do, those that say most of the job come first. */
const telling = [
  /exceeds limit/,
  /offers only (?!\w+:slots=)/,
  /only offers \d+ slots/,
  /project/,
  /permission/,
  /slots=/,
];

/** Why no queue takes it, of a verification that found none. */
function refusalIn(block: string, label: 'free' | 'now'): string | undefined {
  const lines = [...block.matchAll(new RegExp(`^${label} (.*)$`, 'gm'))].map(([, line = '']) =>
    line.replace(/^Job \d+ /, ''),
  );
  if (!lines.some((line) => line.includes('no suitable queues'))) return undefined;
  const said = lines.filter(
    (line) => line && !line.startsWith('verification:') && !/hard queue list/.test(line),
  );
  const first = telling.flatMap((words) => said.find((line) => words.test(line)) ?? [])[0];
  return first ?? said[0] ?? lines[0];
}

/** What the letters of a queue's state mean (qstat(1), "state"). */
const closings: readonly (readonly [letters: RegExp, word: string])[] = [
  [/E/, 'in error state'],
  [/d/, 'disabled'],
  [/D/, 'disabled by its calendar'],
  [/C/, 'suspended by its calendar'],
  [/[sS]/, 'suspended'],
  [/u/, 'not reachable'],
  [/[aA]/, 'overloaded'],
];

/** Where a queue is closed, how; undefined where that is not why. */
function closedQueue(said: string, block: string): string | undefined {
  if (!said.includes('not available')) return undefined;
  const queues = [...block.matchAll(/^queue (\S+) (\S+)$/gm)];
  const [, name, letters = ''] = queues.find(([, one = '']) => said.includes(`"${one}"`)) ?? [];
  const word = closings.find(([known]) => known.test(letters))?.[1];
  return word && `queue ${name} is ${word}`;
}
