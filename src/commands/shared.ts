import { Flags } from '@oclif/core';
import { IpclusterError } from '../base/errors.js';
import { parseDuration } from '../base/quantities.js';
import type { Targets } from '../client/direct-view.js';
import { findPlace, type Place } from '../profile/paths.js';

/** Flags that every command takes. */
export const commonFlags = {
  profile: Flags.string({ description: "which profile; IPython's own folders are used", helpValue: 'NAME' }),
  'cluster-id': Flags.string({ description: 'which cluster of the profile', helpValue: 'ID' }),
  'work-dir': Flags.string({ description: 'where jobs, logs and the store lie', helpValue: 'PATH' }),
  json: Flags.boolean({ description: 'print one JSON object and nothing else' }),
};

/** Flags of commands that start jobs. */
export const launcherFlags = {
  launcher: Flags.string({ default: 'local', description: 'what starts the jobs: see `ipcluster launchers`', helpValue: 'NAME' }),
  option: Flags.string({
    char: 'o',
    multiple: true,
    default: [],
    description: 'an option of the launcher',
    helpValue: 'KEY=VALUE',
  }),
  timeout: Flags.string({ default: '60s', description: 'how long engines may take to register', helpValue: 'DURATION' }),
};

export const targetsFlag = Flags.string({
  char: 't',
  default: 'all',
  description: 'engine ids, such as 0,2-5, or all',
  helpValue: 'IDS',
});

type PlaceFlags = { profile?: string | undefined; 'cluster-id'?: string | undefined; 'work-dir'?: string | undefined };

/** The place that a command's flags mean. */
export function placeOf(flags: PlaceFlags): Place {
  return findPlace({ profile: flags.profile, clusterId: flags['cluster-id'], workFolder: flags['work-dir'] });
}

/** `--timeout` in milliseconds. */
export const timeoutOf = (flags: { timeout: string }): number => parseDuration(flags.timeout, '--timeout');

/** Reads `all`, `3`, `0,2-5`. Throws USAGE. */
export function parseTargets(text: string): Targets {
  if (text === 'all') return 'all';
  return text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first)
      throw new IpclusterError('USAGE', `--targets is "${text}", but must be ids such as 0,2-5, or all.`);
    return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
  });
}

/** Prints a command's outcome: the object with --json, otherwise the text. */
export function print(json: boolean, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value, jsonSafe)}\n` : text && `${text}\n`);
}

/** JSON knows no big numbers and no views on memory. */
function jsonSafe(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Uint8Array);
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Set ? [...value] : value;
}

/** Columns of text, each as wide as its widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_unused, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

let untouched: readonly string[] | undefined;

/** What stands after `--`; it is cut off before flags are read, so that it arrives as it was typed. */
export function setRest(words: readonly string[] | undefined): void {
  untouched = words;
}

export const restOfLine = (): readonly string[] | undefined => untouched;

/** A signal that fires at the first Ctrl-C or SIGTERM; the second one ends the program at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Interrupted());
    });
  }
  return controller.signal;
}

/** The user wants to stop. */
export class Interrupted extends Error {}
