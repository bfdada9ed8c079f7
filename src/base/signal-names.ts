import { constants } from 'node:os';

/** Signals have numbers up to this one; shells and schedulers add it to 128 or 256. */
const largestSignal = 64;

/** The name of a signal, as people say it: `SIGKILL`; undefined for a number that is none. */
export function signalName(number: number): string | undefined {
  if (!Number.isInteger(number) || number < 1 || number > largestSignal) return undefined;
  const [name] = Object.entries(constants.signals).find(([, value]) => value === number) ?? [];
  return name ?? `signal ${number}`;
}

/**
 * The last of the signals that have a name (SIGSYS, signal(7)): nobody is ended by others, and tools have
 * codes above: srun 182.
 */
const lastNamed = 31;

/** The number of the signal in an exit code as shells say it, 128 + n; undefined for a code that is none. */
export function signalOfCode(code: number): number | undefined {
  return code > 128 && code <= 128 + lastNamed ? code - 128 : undefined;
}

/** How a program ended, by its exit code as shells say it: `killed by SIGKILL`, `exit code 3`. */
export function describeCode(code: number): string {
  const signal = signalOfCode(code);
  return signal === undefined ? `exit code ${code}` : `killed by ${signalName(signal)}`;
}
