import { inspect } from 'node:util';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A program's own log: one line per event, to stderr, which its job sends into a file. */
export interface Log {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Makes a log that writes lines of at least `level` as `time level name: message`. */
export function createLog(name: string, level: LogLevel, write = (line: string) => process.stderr.write(line)): Log {
  const least = logLevels.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, ...details: unknown[]): void => {
      if (logLevels.indexOf(own) < least) return;
      const rest = details.map((detail) => ` ${typeof detail === 'string' ? detail : inspect(detail)}`).join('');
      write(`${new Date().toISOString()} ${own} ${name}: ${message}${rest}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
