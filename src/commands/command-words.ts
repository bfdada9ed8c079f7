import { IpclusterError } from '../base/errors.js';
import { nearest } from '../config/nearest.js';
import { COMMANDS, flagsOf } from './commands.js';

/** A command line, read as far as to say which command it is. */
export interface CommandLine {
  /**
   * The command, such as `engines:stop`; a topic alone where its help is wanted; undefined for the program's
   * own help.
   */
  id: string | undefined;
  /** All other words; help is asked for as `--help`. */
  rest: string[];
}

/** Words that stand before a command's own. */
const topics = new Set(
  Object.keys(COMMANDS).flatMap((id) => (id.includes(':') ? [id.split(':')[0] as string] : [])),
);

const firstWords = [...new Set(Object.keys(COMMANDS).map((id) => id.split(':')[0] as string)), 'help'];

/** Every flag of every command; some commands have none. */
const allFlags = Object.values(COMMANDS).flatMap((command) => Object.entries(flagsOf(command)));

/** Flags of any command that are switches: the word behind one of them is not its value. */
const switches = new Set(
  allFlags.flatMap(([name, { type, char }]) =>
    type === 'boolean' ? [`--${name}`, `--no-${name}`, ...(char ? [`-${char}`] : [])] : [],
  ),
);
const withValues = new Set(
  allFlags.flatMap(([name, { type, char, aliases = [] }]) =>
    type === 'option' ? [name, ...aliases].map((word) => `--${word}`).concat(char ? [`-${char}`] : []) : [],
  ),
);

/**
 * Finds the command in a line, wherever its flags stand: `ipcluster --profile a engines stop 0` and
 * `ipcluster engines --profile a stop 0` are the same. `ipcluster -n 4` means `ipcluster start -n 4`. Throws
 * USAGE for a command that there is not.
 */
export function readCommandLine(given: readonly string[]): CommandLine {
  const words = [...given];
  const first = takeWord(words);
  const topic = first === 'help' ? takeWord(words) : first;
  const isHelp = first === 'help' || words.some((word) => word === '--help' || word === '-h');
  const rest = (): string[] => [
    ...words.filter((word) => word !== '--help' && word !== '-h'),
    ...(isHelp ? ['--help'] : []),
  ];
  if (topic === undefined)
    return isHelp || words.length === 0 ? { id: undefined, rest: [] } : { id: 'start', rest: rest() };
  if (!topics.has(topic)) {
    if (!(topic in COMMANDS)) throw noCommand(topic, firstWords);
    return { id: topic, rest: rest() };
  }
  const second = takeWord(words);
  if (second === undefined) {
    if (isHelp || words.length === 0) return { id: topic, rest: rest() };
    throw withoutSecond(topic);
  }
  const id = `${topic}:${second}`;
  if (!(id in COMMANDS)) throw noCommand(`${topic} ${second}`, secondWords(topic));
  return { id, rest: rest() };
}

/** The commands of a topic, as they are typed. */
const secondWords = (topic: string): string[] =>
  Object.keys(COMMANDS).flatMap((id) => (id.startsWith(`${topic}:`) ? [id.replace(':', ' ')] : []));

/** Takes the first word that is neither a flag nor the value of one out of a line. */
function takeWord(words: string[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (!word.startsWith('-') || word === '-') return words.splice(at, 1)[0];
    if (withValues.has(word) && !switches.has(word)) at += 1;
  }
  return undefined;
}

function noCommand(words: string, known: readonly string[]): IpclusterError {
  const near = nearest(words, known);
  const [first = ''] = words.split(' ');
  const help = topics.has(first) ? `ipcluster ${first} --help` : 'ipcluster --help';
  return new IpclusterError(
    'USAGE',
    `There is no command "${words}"${near ? `; did you mean ${near}?` : '.'}`,
    {
      suggestions: [`See \`${help}\`.`],
    },
  );
}

function withoutSecond(topic: string): IpclusterError {
  const [first] = secondWords(topic);
  if (topic !== 'engines')
    return new IpclusterError(
      'USAGE',
      `${topic} alone is no command: there are ${secondWords(topic).join(', ')}.`,
      {
        suggestions: [`\`ipcluster ${first} --help\``],
      },
    );
  return new IpclusterError(
    'USAGE',
    'What is to be done with engines? IPython starts some by this command.',
    {
      suggestions: [
        'Here: `ipcluster engines add -n 4`.',
        'One for each task of srun or mpirun: `srun ipengine`.',
        'See `ipcluster engines --help`.',
      ],
    },
  );
}
