import { Flags } from '@oclif/core';
import { IpclusterError, messageOf } from '../base/errors.js';
import { onEndingSignal } from '../base/signals.js';
import type { Targets } from '../client/direct-view.js';
import { type Given, resolveSettings, type Settings } from '../config/resolve.js';
import { batchKeys, flagOf, type Setting, settings } from '../config/settings.js';
import { findPlace, type Place } from '../profile/paths.js';
import { onReaderGone } from './pipes.js';

/** Flags that every command takes. */
export const commonFlags = {
  profile: Flags.string({ description: "which profile; IPython's own folders are used", helpValue: 'NAME' }),
  'cluster-id': Flags.string({ description: 'which cluster of the profile', helpValue: 'ID' }),
  'work-dir': Flags.string({ description: 'where jobs, logs and the store lie', helpValue: 'PATH' }),
  json: Flags.boolean({ description: 'print one JSON object and nothing else' }),
};

/** Flags that describe what a batch system is asked for: one for each setting of that kind. */
const batchFlags = Object.fromEntries(
  settings
    .filter(({ key }) => batchKeys.includes(key))
    .map(({ key, kind, help, choices }: Setting) => [
      flagOf(key),
      Flags.string({
        description: help,
        helpGroup: 'BATCH',
        helpValue: choices
          ? choices.join('|')
          : { count: 'N', duration: 'DURATION', limit: 'DURATION', bytes: 'SIZE', words: 'NAME=VALUE' }[
              kind as 'count'
            ],
        ...(choices && { options: [...choices] }),
        ...(key === 'partition' && { aliases: ['queue'] }),
        ...((kind === 'words' || kind === 'lines') && { multiple: true }),
      } as Parameters<typeof Flags.string>[0]),
    ]),
);

/**
 * Flags of commands that start jobs. Their defaults are those of the settings: see `ipcluster config show`.
 */
export const launcherFlags = {
  launcher: Flags.string({
    description: 'what starts the jobs: see `ipcluster launchers` (local)',
    helpValue: 'NAME',
  }),
  option: Flags.string({
    char: 'o',
    multiple: true,
    description: 'an option of the launcher',
    helpValue: 'KEY=VALUE',
  }),
  engine: Flags.string({
    description: "what engines are: node, python, or a command that reads IPython's connection file (node)",
    helpValue: 'WORDS',
  }),
  python: Flags.string({ description: 'the interpreter for engines of Python (python3)', helpValue: 'PATH' }),
  timeout: Flags.string({
    description: 'how long engines may take to register (60s)',
    helpValue: 'DURATION',
  }),
  restart: Flags.string({
    options: ['on-crash', 'never'],
    description: 'whether engines that end unasked are started again (on-crash)',
  }),
  ...batchFlags,
};

export const targetsFlag = Flags.string({
  char: 't',
  default: 'all',
  description: 'engine ids, such as 0,2-5, or all',
  helpValue: 'IDS',
});

type PlaceFlags = {
  profile?: string | undefined;
  'cluster-id'?: string | undefined;
  'work-dir'?: string | undefined;
};

/**
 * The place that a command's flags mean; where nothing else says so, the profile's file says where the work
 * folder is. With `strict` a mistake in that file is thrown, otherwise it is only mentioned.
 */
export function placeOf(flags: PlaceFlags, strict = false): Place {
  const place = findPlace({
    profile: flags.profile,
    clusterId: flags['cluster-id'],
    workFolder: flags['work-dir'],
  });
  try {
    const workFolder = settingsOf(place, { 'work-dir': flags['work-dir'] }).text('workDir');
    return workFolder === undefined ? place : { ...place, workFolder };
  } catch (error) {
    if (strict) throw error;
    // What stops and looks must work whatever a file says.
    process.stderr.write(`${messageOf(error)}\n`);
    return place;
  }
}

/** What a command's flags say of settings. */
export function givenBy(flags: Record<string, unknown>): Given {
  const given: Given = {};
  for (const { key } of settings) {
    const value = flags[key === 'launcherOptions' ? 'option' : flagOf(key)];
    if (typeof value === 'string') given[key] = value;
    else if (Array.isArray(value) && value.length > 0) given[key] = value.join('\n');
  }
  return given;
}

/** All settings, as a command's flags, the environment and the files say them. Throws USAGE or CONFIG. */
export function settingsOf(place: Place, flags: Record<string, unknown>, found: Given = {}): Settings {
  return resolveSettings(place, givenBy(flags), process.env, found);
}

/** No engine has a higher id than this. */
const highestId = 1_000_000;

/** Reads `all`, `3`, `0,2-5`; an engine that is named twice is asked once. Throws USAGE. */
export function parseTargets(text: string): Targets {
  if (text === 'all') return 'all';
  const ids = text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first || last > highestId)
      throw new IpclusterError('USAGE', `--targets is "${text}", but must be ids such as 0,2-5, or all.`);
    return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
  });
  return [...new Set(ids)];
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
  const widths = (rows[0] ?? []).map((_unused, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
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
  onEndingSignal(() => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted());
  });
  onReaderGone(() => controller.abort(new Interrupted()));
  return controller.signal;
}

/** The user wants to stop. */
export class Interrupted extends Error {}
