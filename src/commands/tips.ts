import { quoteWord } from '../base/shell.js';

/** Flags that say which cluster is meant: a line that is to be typed next must mean the same one. */
const placeFlags = ['profile', 'cluster-id', 'work-dir'];

let given = new Map<string, string>();
let flagsOfCommand: FlagsOf = () => undefined;

/** Names of a command's flags; undefined where there is no such command. */
type FlagsOf = (id: string) => readonly string[] | undefined;

/** Notes which cluster the typed words mean, and where flags of commands are looked up. */
export function rememberPlace(words: readonly string[], flagsOf: FlagsOf): void {
  flagsOfCommand = flagsOf;
  given = new Map();
  words.forEach((word, at) => {
    const [, name = '', value = words[at + 1]] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (placeFlags.includes(name) && value !== undefined) given.set(name, value);
  });
}

/**
 * A text for people in which every command between backticks means the cluster that was asked about:
 * `ipcluster stop` becomes `ipcluster stop --profile a` where that profile was named.
 */
export const inPlace = (text: string): string =>
  text.replaceAll(/`(ipcluster [^`]+)`/g, (_all, line: string) => `\`${lineInPlace(line)}\``);

/** A command that means the cluster that was asked about. */
export function lineInPlace(line: string): string {
  const [, first = '', second = ''] = line.split(' ');
  const words = flagsOfCommand(`${first}:${second}`) ? `${first} ${second}` : first;
  const flags = flagsOfCommand(words.replace(' ', ':')) ?? [];
  if (words === 'list' || line.includes(' --help')) return line;
  const added = [...given].filter(([name]) => flags.includes(name) && !line.includes(`--${name}`));
  const head = `ipcluster ${words}`;
  return `${head}${added.map(([name, value]) => ` --${name} ${quoteWord(value)}`).join('')}${line.slice(head.length)}`;
}
