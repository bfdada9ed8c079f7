import { IpclusterError } from '../../base/errors.js';
import { quoteWord } from '../../base/shell.js';

/** The user's command with places for the input, as typed after `--`. */
export interface CommandTemplate {
  words: readonly string[];
  /** True for one word that is a line for the shell. */
  shell: boolean;
  /** What stands between the columns of an input, where it has some. */
  columns?: RegExp | undefined;
}

/** Where inputs come from: words of the command line, or files; from stdin where neither is named. */
export type Sources = { words: string[] } | { files: string[] } | undefined;

/** GNU parallel's ways to put several lists together. */
const several = new Set([':::', '::::', ':::+', '::::+']);

/**
 * GNU parallel's replacement strings: `{}`, `{2}`, `{#}`, each with what is cut off: `{.}` `{/}` `{//}`
 * `{/.}`; `{%}` is not known here.
 */
const places = /\{(#|%|(\d*)(\.|\/\/|\/\.|\/)?)\}/g;

/**
 * Splits `COMMAND {} ::: a b c` into the command and its inputs, which may be files of inputs after `::::`;
 * without either they come from elsewhere. A command of one word with spaces or shell characters is a line
 * for `sh`; otherwise the words run exactly as they are. Throws USAGE.
 */
export function splitCommand(
  rest: readonly string[] | undefined,
  columns?: RegExp,
): { template: CommandTemplate; sources: Sources } {
  const marker = rest?.findIndex((word) => several.has(word)) ?? -1;
  const words = marker < 0 ? (rest ?? []) : (rest ?? []).slice(0, marker);
  const [first] = words;
  if (first === undefined) {
    throw new IpclusterError('USAGE', 'There is no command: ipcluster map -- COMMAND {} ::: a b c');
  }
  checkPlaces(words, columns !== undefined);
  const shell = words.length === 1 && /[\s|&;<>()$`"'*?]/.test(first);
  const hasPlace = words.some((word) => word.search(places) >= 0);
  const complete = hasPlace ? words : shell ? [`${first} {}`] : [...words, '{}'];
  return {
    template: { words: complete, shell, columns },
    sources: marker < 0 ? undefined : sourcesOf(rest ?? [], marker),
  };
}

function sourcesOf(rest: readonly string[], marker: number): Sources {
  const words = rest.slice(marker + 1);
  const kind = rest[marker] as string;
  const more = kind.endsWith('+') ? kind : words.find((word) => several.has(word));
  if (more !== undefined)
    throw new IpclusterError('USAGE', `There can be one list of inputs here, and "${more}" begins another.`, {
      suggestions: ['Give columns of one list, and name what separates them: `--colsep ,` with {1} and {2}.'],
    });
  if (kind === ':::') return { words };
  if (words.length === 0)
    throw new IpclusterError('USAGE', 'No file of inputs is named after ::::', { suggestions: [] });
  return { files: words };
}

function checkPlaces(words: readonly string[], hasColumns: boolean): void {
  for (const [place, name, column] of words.flatMap((word) => [...word.matchAll(places)])) {
    if (name === '%')
      throw new IpclusterError('USAGE', '{%} has no meaning here: engines are no slots.', {
        suggestions: [
          'The number of the input is {#}; code finds the id of its engine in the variable ' +
            '`$IPCLUSTER_ENGINE_ID`.',
        ],
      });
    if (column && Number(column) === 0)
      throw new IpclusterError('USAGE', `${place}: columns count from 1.`, { suggestions: [] });
    if (column && Number(column) > 1 && !hasColumns)
      throw new IpclusterError(
        'USAGE',
        `${place} is a column of the input, but nothing says what separates columns.`,
        {
          suggestions: ['Name it: `--colsep ,`, or `--colsep "\\t"`; it is a regular expression.'],
        },
      );
  }
}

/**
 * Puts one input into the command: `{}` is the input, `{2}` its second column (empty where there is none),
 * `{#}` its number from 1.
 */
export function fillTemplate(
  { words, shell, columns }: CommandTemplate,
  input: string,
  number: number,
): string[] {
  const parts = columns ? input.split(columns) : [input];
  const fill = (word: string, quote: (value: string) => string): string =>
    word.replaceAll(places, (_place, name: string, column: string | undefined, cut: string | undefined) =>
      name === '#' ? String(number) : quote(cutOff(column ? (parts[Number(column) - 1] ?? '') : input, cut)),
    );
  if (shell) return ['/bin/sh', '-c', fill(words[0] ?? '', quoteWord)];
  return words.map((word) => fill(word, (value) => value));
}

/** Without its extension, its folder, both; or its folder alone. */
function cutOff(value: string, cut: string | undefined): string {
  const base = value.replace(/^.*\//s, '');
  const withoutExtension = (name: string): string => name.replace(/\.[^./]*$/, '');
  if (cut === '.') return withoutExtension(value);
  if (cut === '/') return base;
  if (cut === '/.') return withoutExtension(base);
  if (cut === '//') return value.includes('/') ? value.slice(0, -base.length - 1) || '/' : '.';
  return value;
}
