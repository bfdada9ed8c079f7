import { IpclusterError, isIpclusterError } from '../base/errors.js';
import { quoteWord } from '../base/shell.js';
import { nearest } from '../config/nearest.js';
import { COMMANDS, flagsOf } from './commands.js';

/** A fault in a command's words, as the library that reads them throws it. */
interface ParseFault extends Error {
  flags?: unknown;
  args?: unknown;
}

/** What was thrown, as an error of ours where it is the user's words that a command does not take. */
export function explainUse(error: unknown, id: string | undefined): unknown {
  if (!(error instanceof Error) || isIpclusterError(error) || !('oclif' in error) || exitOf(error) === 0)
    return error;
  return new IpclusterError('USAGE', sentenceOf(error, id), { suggestions: [`See \`${helpOf(id)}\`.`] });
}

/** The line that shows a command's help. */
export const helpOf = (id: string | undefined): string =>
  ['ipcluster', ...(id?.split(':') ?? []), '--help'].join(' ');

/** The exit code that the library of commands has put into an error; it ends `--help` by an error with 0. */
export const exitOf = (error: unknown): number | undefined =>
  (error as { oclif?: { exit?: number } } | undefined)?.oclif?.exit;

function sentenceOf(error: ParseFault, id: string | undefined): string {
  const command = id === undefined ? 'ipcluster' : `ipcluster ${id.replace(':', ' ')}`;
  const { flags, args } = error;
  if (Array.isArray(flags) && flags.every((flag) => typeof flag === 'string'))
    return flags.map((flag) => noFlag(flag, command, id)).join('\n');
  // Arguments that are too many are words; those that are missing are described.
  if (Array.isArray(args) && args.length > 0 && args.every((word) => typeof word === 'string'))
    return tooMany(args as string[], command, id);
  if (Array.isArray(args) && args.length > 0)
    return `\`${command}\` needs ${args.map(nameOf).join(' and ')}.`;
  return withoutAdvice(error.message);
}

const nameOf = (arg: unknown): string => {
  const { name, description } = arg as { name?: string; description?: string };
  return description === undefined ? String(name) : `${name} (${description})`;
};

/** A flag that a command has not, with the one that is most like it. */
function noFlag(given: string, command: string, id: string | undefined): string {
  const flag = given.replace(/=.*$/s, '');
  const own = Object.entries(flagsOf(COMMANDS[id ?? 'start'])).flatMap(([name, { aliases = [] }]) =>
    [name, ...aliases].map((word) => `--${word}`),
  );
  const near = flag.startsWith('--') ? nearest(flag, own) : undefined;
  return `\`${command}\` has no flag ${flag}${near ? `; did you mean ${near}?` : '.'}`;
}

function tooMany(words: readonly string[], command: string, id: string | undefined): string {
  const [first = ''] = words;
  const what = words.map((word) => `"${word}"`).join(' ');
  const sentence = `\`${command}\` takes no ${words.length === 1 ? 'word' : 'words'} ${what}`;
  if (id === 'start' && /^\d+$/.test(first))
    return `${sentence}; a number of engines is \`${command} -n ${first}\`.`;
  if (id === 'map')
    return `${sentence}: what is to run stands after --: \`ipcluster map -- ${words.map(shown).join(' ')}\`.`;
  if (id === 'exec') return `${sentence}: code is one word, in quotes.`;
  return `${sentence}.`;
}

/** A word as one types it; places for inputs mean nothing to a shell. */
const shown = (word: string): string => (/^\{\S*\}$/.test(word) ? word : quoteWord(word));

/** The reader's own advice names no command, and its colours are for terminals. */
const withoutAdvice = (message: string): string =>
  message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
    .replaceAll(/\x1b\[\d+m/g, '');
