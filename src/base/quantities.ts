import { IpclusterError } from './errors.js';

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration and answers milliseconds: `1.5s`, `90s`, `1h30m`, `500ms`, `HH:MM:SS`, `D-HH:MM:SS`; a
 * plain number is seconds. Throws USAGE with the forms it takes.
 */
export function parseDuration(text: string, name: string): number {
  const trimmed = text.trim();
  const clock = /^(?:(\d+)-)?(\d+):(\d{2})(?::(\d{2}))?$/.exec(trimmed);
  if (clock) {
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = clock;
    return notTooLong(
      ((Number(days) * 24 + Number(hours)) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000,
      text,
      name,
    );
  }
  if (/^\d+(\.\d+)?$/.test(trimmed)) return notTooLong(Number(trimmed) * 1000, text, name);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) {
    throw new IpclusterError(
      'USAGE',
      `${name} is "${text}", which is no duration: 30, 90s, 1h30m, 500ms or 01:30:00.`,
    );
  }
  let total = 0;
  for (const [, number = '0', unit = 's'] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(number) * (units[unit] ?? 0);
  }
  return notTooLong(total, text, name);
}

/** Longer than any date that a computer can write down (milliseconds, 3,170 years). */
const longestDuration = 1e14;

function notTooLong(milliseconds: number, text: string, name: string): number {
  if (milliseconds <= longestDuration) return milliseconds;
  throw new IpclusterError(
    'USAGE',
    `${name} is "${text}", which is longer than any date reaches: at most 1000000d.`,
  );
}

/** Reads a lease and answers milliseconds: it must leave time for signs of life. Throws USAGE. */
export function parseLease(text: string): number {
  const lease = parseDuration(text, '--lease');
  if (lease >= 1000) return lease;
  throw new IpclusterError('USAGE', `--lease is "${text}", but must be at least 1s.`);
}

/**
 * Reads a limit of time and answers milliseconds. What schedulers read in different ways is refused: `30` is
 * minutes for one and seconds for another, and so is `01:30`. Throws USAGE.
 */
export function parseLimit(text: string, name: string): number {
  if (!/^\d+$/.test(text.trim()) && !/^\d+:\d+$/.test(text.trim())) return parseDuration(text, name);
  throw new IpclusterError(
    'USAGE',
    `${name} is "${text}", which schedulers read in different ways: say 30m, 1h30m or 01:30:00.`,
  );
}

const sizes: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Reads an amount of memory and answers bytes: `512M`, `1.5GiB`, `200kB`; a plain number is bytes. Throws
 * USAGE.
 */
export function parseBytes(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  const size = match && Number(match[1]) * (sizes[(match[2] ?? '').toLowerCase()] ?? Number.NaN);
  if (size && Math.round(size) <= Number.MAX_SAFE_INTEGER) return Math.round(size);
  throw new IpclusterError(
    'USAGE',
    `${name} is "${text}", which is no amount of memory: 512M, 1.5GiB, or a number of bytes.`,
  );
}

/** An amount of memory for people: `70 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A duration for people: `850 ms`, `12.3 s`, `4m 05s`, `2h 10m`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(Math.floor(seconds % 60)).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

/** Reads a whole number of at least `least`; throws USAGE naming the flag. */
export function parseCount(text: string, name: string, least = 0): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw new IpclusterError(
      'USAGE',
      `${name} is "${text}", but must be a whole number of at least ${least}.`,
    );
  }
  return value;
}

/**
 * Answers a number of milliseconds that a program has given, fractions as well; `Infinity` is without end.
 * Throws USAGE naming the option and the value.
 */
export function checkMilliseconds(value: number, name: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new IpclusterError('USAGE', `${name} is ${shown(value)}, but must be milliseconds, 0 or more.`);
}

/**
 * Answers a whole number of at least `least` that a program has given. Throws USAGE naming the option and the
 * value.
 */
export function checkWhole(value: number, name: string, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new IpclusterError(
    'USAGE',
    `${name} is ${shown(value)}, but must be a whole number of at least ${least}.`,
  );
}

/** Answers a finite number that a program has given. Throws USAGE naming the option and the value. */
export function checkFinite(value: number, name: string): number {
  if (Number.isFinite(value)) return value;
  throw new IpclusterError('USAGE', `${name} is ${shown(value)}, but must be a number.`);
}

/** A value for a sentence, whatever it is. */
function shown(value: unknown): string {
  return typeof value === 'string'
    ? `"${value}"`
    : typeof value === 'object' && value !== null
      ? 'an object'
      : String(value);
}

/** An inclusive range of TCP ports; 0 to 0 lets the system choose. */
export interface PortRange {
  first: number;
  last: number;
}

/** Reads `10000` or `10000-10100`; throws USAGE. */
export function parsePorts(text: string, name: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > 65_535 || last > 65_535 || last < first) {
    throw new IpclusterError(
      'USAGE',
      `${name} is "${text}", but must be a port or a range such as 10000-10100.`,
    );
  }
  return { first, last };
}
