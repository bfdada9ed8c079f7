import { inspect } from 'node:util';
import { LogFile } from './log-file.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A program's own log: one line per event, to stderr, which its job sends into a file. */
export interface Log {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/**
 * A warning that comes again is written at most so often, with how often it came meanwhile (milliseconds).
 */
const quietTime = 60_000;
/** So many different ones are told apart. */
const mostKnown = 200;

/** Counts what is said again and again; answers what to add, or undefined where nothing need be said now. */
class Repetitions {
  readonly #known = new Map<string, { at: number; count: number }>();

  judge(text: string, now = performance.now()): string | undefined {
    const last = this.#known.get(text);
    if (last && now - last.at < quietTime) {
      last.count += 1;
      return undefined;
    }
    this.#known.delete(text);
    this.#known.set(text, { at: now, count: 0 });
    if (this.#known.size > mostKnown) this.#known.delete(this.#known.keys().next().value as string);
    return last && last.count > 0
      ? ` (${last.count} times more in the last ${Math.round((now - last.at) / 1000)} s)`
      : '';
  }
}

/**
 * Makes a log that writes lines of at least `level` as `time level name: message`. Warnings and errors that
 * repeat themselves are collapsed.
 */
export function createLog(name: string, level: LogLevel, write = toStderr()): Log {
  const least = logLevels.indexOf(level);
  const repetitions = new Repetitions();
  const at =
    (own: LogLevel) =>
    (message: string, ...details: unknown[]): void => {
      if (logLevels.indexOf(own) < least) return;
      const rest = details
        .map((detail) => ` ${typeof detail === 'string' ? detail : describe(detail)}`)
        .join('');
      const more = own === 'warn' || own === 'error' ? repetitions.judge(`${message}${rest}`) : '';
      if (more !== undefined) write(`${new Date().toISOString()} ${own} ${name}: ${message}${rest}${more}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A stack is for us, not for those who read logs. */
const describe = (detail: unknown): string => (detail instanceof Error ? detail.message : inspect(detail));

function toStderr(): (line: string) => void {
  const file = new LogFile();
  return (line) => file.write(line);
}
