import type { Verdict } from './evidence.js';

/** Milliseconds as schedulers write them: `26:05:00`. */
export function clockOf(milliseconds: number): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/**
 * The same read back, in milliseconds: `26:05:00`, `05:00` or seconds alone; undefined for no time, and for
 * words like UNLIMITED.
 */
export function parseClock(text: string): number | undefined {
  if (!/^\d+(:\d+){0,2}$/.test(text)) return undefined;
  const seconds = text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** Bytes in whole megabytes, rounded up. */
export const megabytesOf = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

/**
 * The last line that says anything: site wrappers print banners before it (scheduler-facts 1, "id parsing").
 */
export function lastWords(text: string): string {
  return (
    text
      .trimEnd()
      .split('\n')
      .findLast((line) => line.trim() !== '')
      ?.trim() ?? ''
  );
}

/** Lines of fields between bars; lines of another number of fields are banners and are dropped. */
export function rowsOf(text: string, fields: number): string[][] {
  const rows = text.split('\n').map((line) => line.split('|').map((field) => field.trim()));
  return rows.filter((row) => row.length >= fields);
}

/** Words that a system says, what they mean, and what to do. */
export interface Phrase {
  words: RegExp;
  code: string;
  sentence: string;
  suggestions?: string[];
  /** True where the words themselves belong to the sentence. */
  quoted?: true;
}

/** The first phrase that the words match. */
export function explainWords(phrases: readonly Phrase[], said: string): Verdict | undefined {
  const phrase = phrases.find(({ words }) => words.test(said));
  return phrase && { code: phrase.code, sentence: phrase.sentence, suggestions: phrase.suggestions ?? [] };
}
