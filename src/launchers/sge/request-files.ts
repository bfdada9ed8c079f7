import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';

/*
 * Files of words that qsub adds to every submit (sge_request(5)): the cluster's, the user's, the working
 * folder's, the later ones first in rank. Lines of the script go before them, but a few of their words no
 * line and no option takes back.
 */

/** A word of a request file, and the file that says it. */
export interface RequestWord {
  word: string;
  file: string;
}

/** Where qsub looks: its user's home is the one of the accounts, whatever HOME says. */
function requestFiles(env: NodeJS.ProcessEnv): string[] {
  const cell = env['SGE_ROOT']
    ? [join(env['SGE_ROOT'], env['SGE_CELL'] ?? 'default', 'common/sge_request')]
    : [];
  let home = homedir();
  try {
    home = userInfo().homedir;
  } catch {
    // An account without an entry has what HOME says.
  }
  return [...new Set([...cell, join(home, '.sge_request'), resolve('.sge_request')])];
}

/**
 * Words of a line as qsub takes them apart: `#` begins a comment wherever it stands, and quotes only hold
 * blanks together.
 */
const wordsOf = (line: string): string[] =>
  (line.replace(/#.*/, '').match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) =>
    word.replaceAll(/["']/g, ''),
  );

/** A file may name others (-@): so deep they are followed. */
const deepest = 4;

function readWords(file: string, depth = 0): RequestWord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Most users have none; one that cannot be read, qsub cannot read either.
    return [];
  }
  const words = text.split('\n').flatMap(wordsOf);
  return words.flatMap((word, index) => {
    if (words[index - 1] === '-@') return depth < deepest ? readWords(resolve(word), depth + 1) : [];
    return word === '-@' ? [] : [{ word, file }];
  });
}

/**
 * All words of the files that hold here, in the order in which qsub takes them; `-clear` takes back what
 * stands before it.
 */
export function requestWords(env: NodeJS.ProcessEnv): RequestWord[] {
  const words = requestFiles(env).flatMap((file) => readWords(file));
  return words.slice(words.findLastIndex(({ word }) => word === '-clear') + 1);
}

/** What stands behind an option, each time that it is said. */
export function valuesOf(words: readonly RequestWord[], option: string): (RequestWord & { value: string })[] {
  return words.flatMap((one, index) =>
    one.word === option ? [{ ...one, value: words[index + 1]?.word ?? '' }] : [],
  );
}

/** `h_rt` of `-l` in seconds, with the unit; undefined for none and for INFINITY. */
function limitOf(words: readonly RequestWord[]): string | undefined {
  const requests = valuesOf(words, '-l').flatMap(({ value }) => value.split(','));
  const text = requests.findLast((request) => request.startsWith('h_rt='))?.slice('h_rt='.length) ?? '';
  // `H:M:S` or seconds; parts may be empty (sge_types(5)).
  if (!/^\d+$|^\d*:\d*:\d*$/.test(text)) return undefined;
  const seconds = text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds > 0 ? `${seconds}s` : undefined;
}

/** The user's own defaults, as settings of ours by their keys: they hold where nobody says otherwise. */
export function defaultsOf(words: readonly RequestWord[], payer: '-A' | '-P'): Record<string, string> {
  const found = {
    partition: valuesOf(words, '-q').at(-1)?.value,
    account: valuesOf(words, payer).at(-1)?.value,
    time: limitOf(words),
  };
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}
