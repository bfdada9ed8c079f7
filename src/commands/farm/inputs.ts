import { readFileSync } from 'node:fs';
import { IpclusterError, messageOf } from '../../base/errors.js';
import { fromBytes, toBytes } from '../../base/shell.js';
import { readInput, splitBytes } from '../pipes.js';
import type { Sources } from './template.js';

/** What a map runs on. */
export interface Inputs {
  /** By number from 1: the input of line 7 is the seventh, whatever stands before it. */
  inputs: string[];
  /** Numbers of lines that are empty: nothing is run for them. */
  blank: ReadonlySet<number>;
}

/** How lists are written. */
export interface ListForm {
  /** True where inputs end with a byte of zero, not with their line. */
  byNull: boolean;
  /** Told what a person should know of a list. */
  say: (sentence: string) => void;
}

/**
 * The inputs that were named, or that files or stdin have in their lines. Throws USAGE for what cannot be
 * read, and for a terminal.
 */
export async function readInputs(sources: Sources, form: ListForm): Promise<Inputs> {
  if (sources && 'words' in sources) return { inputs: sources.words, blank: new Set() };
  const inputs: string[] = [];
  for (const name of sources?.files ?? ['-']) inputs.push(...(await readList(name, form)));
  return { inputs, blank: new Set(inputs.flatMap((input, index) => (input === '' ? [index + 1] : []))) };
}

async function readList(name: string, { byNull, say }: ListForm): Promise<string[]> {
  const parts = splitBytes(name === '-' ? await readStdin() : readListFile(name), byNull ? 0 : 10);
  // Nothing stands behind the end of the last line.
  if (parts.at(-1)?.length === 0) parts.pop();
  const lines = byNull
    ? parts
    : withoutReturns(parts, () => say(`${labelOf(name)} has lines that end with CR LF: the CR is left out.`));
  const inputs = lines.map(fromBytes);
  const bad = inputs.findIndex((input) => input.includes('\0'));
  if (bad < 0) return inputs;
  throw new IpclusterError(
    'USAGE',
    `Input ${bad + 1} has a byte of zero in it: ${JSON.stringify(inputs[bad]?.slice(0, 80))}`,
    {
      suggestions: ['Inputs that are separated by zeros: `--null`, as of `find -print0`.'],
    },
  );
}

const labelOf = (name: string): string => (name === '-' ? 'stdin' : name);

function readStdin(): Promise<Buffer> {
  if (process.stdin.isTTY)
    throw new IpclusterError(
      'USAGE',
      'There are no inputs: name them after :::, files of them after ::::, or send lines to stdin.',
    );
  return readInput();
}

function readListFile(name: string): Buffer {
  try {
    return readFileSync(toBytes(name));
  } catch (cause) {
    throw new IpclusterError('USAGE', `The list of inputs ${name} cannot be read: ${messageOf(cause)}`, {
      cause,
      suggestions: [],
    });
  }
}

const carriageReturn = 13;

/** A list whose every line ends with CR LF was written on Windows; a single CR may be part of a name. */
function withoutReturns(lines: Buffer[], say: () => void): Buffer[] {
  if (lines.length === 0 || !lines.every((line) => line.at(-1) === carriageReturn)) return lines;
  say();
  return lines.map((line) => line.subarray(0, -1));
}
