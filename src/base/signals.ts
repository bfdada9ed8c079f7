import { constants } from 'node:os';

/**
 * A program in `bin/` says by it which signals it was started to ignore: Node forgets that as it starts. A
 * mask, as in proc(5).
 */
const variable = 'IPCLUSTER_IGNORED';
/** Signals that somebody may have said to ignore (nohup, `trap ''`, a script's `&`), with their bits. */
const bits = { SIGHUP: 1n, SIGINT: 2n, SIGQUIT: 4n, SIGTERM: 1n << 14n } as const;
type Ignorable = keyof typeof bits;

let ignored: ReadonlySet<string> | undefined;

/** Reads it once; our children decide for themselves. */
function ignoredSignals(): ReadonlySet<string> {
  if (ignored) return ignored;
  const said = process.env[variable] ?? '';
  delete process.env[variable];
  const mask = /^[\da-f]{1,16}$/i.test(said) ? BigInt(`0x${said}`) : 0n;
  ignored = new Set((Object.keys(bits) as Ignorable[]).filter((name) => (mask & bits[name]) !== 0n));
  return ignored;
}

/**
 * First thing in every program of ours. SIGUSR1 would open Node's inspector to every user of the machine, and
 * schedulers send it; NODE_OPTIONS is somebody else's wish that our children must not inherit. What was
 * ignored when we were started stays so.
 */
export function guardProcess(): void {
  process.on('SIGUSR1', () => {});
  delete process.env['NODE_OPTIONS'];
  for (const name of ignoredSignals()) process.on(name, () => {});
}

/** Hears of the signals by which somebody ends a program, but for those that it was started to ignore. */
export function onEndingSignal(listener: (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    if (!ignoredSignals().has(name)) process.on(name, () => listener(name));
}

/** The largest number of a signal (signal(7): SIGRTMAX). */
const largestSignal = 64;

/**
 * True for the name of a signal of this system, and for a number of one; 0 asks only whether somebody is
 * there.
 */
export function isSignal(word: string): boolean {
  return Object.hasOwn(constants.signals, word) || (/^\d{1,2}$/.test(word) && Number(word) <= largestSignal);
}

/** A signal's name or number as the system takes it. */
export const signalOf = (word: string): NodeJS.Signals | number =>
  /^\d+$/.test(word) ? Number(word) : (word as NodeJS.Signals);
