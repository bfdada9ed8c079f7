import { IpclusterError } from '../../base/errors.js';
import { quoteWord } from '../../base/shell.js';

/** The user's command with places for the input, as typed after `--`. */
export interface CommandTemplate {
  words: readonly string[];
  /** True for one word that is a line for the shell. */
  shell: boolean;
}

/**
 * Splits `COMMAND {} ::: a b c` into the command and its inputs; without `:::` the inputs come from stdin. Throws USAGE.
 * A command of one word with spaces or shell characters is a line for `sh`; otherwise the words run exactly as they are.
 */
export function splitCommand(rest: readonly string[] | undefined): { template: CommandTemplate; inputs: string[] | undefined } {
  const marker = rest?.indexOf(':::') ?? -1;
  const words = marker < 0 ? (rest ?? []) : (rest ?? []).slice(0, marker);
  const [first] = words;
  if (first === undefined) {
    throw new IpclusterError('USAGE', 'There is no command: ipcluster map -- COMMAND {} ::: a b c');
  }
  const shell = words.length === 1 && /[\s|&;<>()$`"'*?]/.test(first);
  const hasPlace = words.some((word) => word.includes('{}'));
  const complete = hasPlace ? words : shell ? [`${first} {}`] : [...words, '{}'];
  return { template: { words: complete, shell }, inputs: marker < 0 ? undefined : (rest ?? []).slice(marker + 1) };
}

/** Puts one input into the command: `{}` is the input, `{#}` its number from 1. */
export function fillTemplate({ words, shell }: CommandTemplate, input: string, number: number): string[] {
  const fill = (word: string, value: string): string => word.replaceAll('{#}', String(number)).split('{}').join(value);
  if (shell) return ['/bin/sh', '-c', fill(words[0] ?? '', quoteWord(input))];
  return words.map((word) => fill(word, input));
}
