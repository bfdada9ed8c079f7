import type { SettingKey } from '../config/settings.js';
import type { BatchRequest } from './resources.js';

/**
 * How options of a system's submit command say what a setting of ours says: patterns of an option with its
 * value.
 */
export type Sayings = Partial<Record<SettingKey, RegExp>>;

/**
 * The words of a request that go to the scheduler as they are and say what a setting says: after `--`, or as
 * directives.
 */
export function wordsFor(
  sayings: Sayings,
  key: SettingKey,
  { extra, directives }: Pick<BatchRequest, 'extra' | 'directives'>,
): string | undefined {
  const pattern = sayings[key];
  if (!pattern) return undefined;
  const lines = Object.entries(directives).map(([option, value]) => `${option} ${value}`);
  // An option and its value are one word or two.
  const options = extra.map((word, index) => [word, `${word} ${extra[index + 1] ?? ''}`] as const);
  const after = options.find(([, whole]) => pattern.test(whole));
  return after?.[0] ?? lines.find((line) => pattern.test(line));
}

/**
 * A pattern for an option as getopt_long reads it: a letter, also behind letters that take no value, or a
 * long name, also cut short.
 */
export function getoptPattern(flags: string, letter: string, ...names: readonly string[]): RegExp {
  const cut = (name: string): string =>
    [...name.slice(1)].reduceRight((rest, next) => `(?:${next}${rest})?`, '');
  const long = names.map((name) => `--${name[0]}${cut(name)}(?=[= ])`);
  const short = letter === '' ? [] : [`-[${flags}]*${letter}`];
  return new RegExp(`^(?:${[...short, ...long].join('|')})`);
}
