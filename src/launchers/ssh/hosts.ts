import { readFileSync } from 'node:fs';
import { IpclusterError, messageOf } from '../../base/errors.js';
import { expandHome } from '../../base/owner.js';
import { splitWords } from '../../base/shell.js';
import { countWords, factsOf, merged, withoutMeaning } from './host-file.js';
import { expandWords, readJump, readWord, wordOf } from './host-words.js';

/** One host as its user names it, with what he says about it. */
export interface Host {
  /** The whole word, without engines: `user@name:port`. */
  word: string;
  /** What `ssh` gets: a name, or an alias of its configuration. */
  name: string;
  user?: string | undefined;
  port?: number | undefined;
  /** How many engines it takes at most; its cores when absent. */
  slots?: number | undefined;
  /** Node there, and where this package lies there, when not where they are here. */
  node?: string | undefined;
  package?: string | undefined;
  /** Where its engines run, and where its files go when it does not share ours. */
  workDir?: string | undefined;
  environment: Readonly<Record<string, string>>;
  /** Lines of shell to run before anything of ours, such as `module load node`. */
  setup: readonly string[];
}

const wrong = (sentence: string, files: readonly string[] = []): IpclusterError =>
  new IpclusterError('LAUNCHER_OPTIONS', sentence, { files, suggestions: ['See docs/launchers/ssh.md.'] });

/**
 * Reads `host[1-16]`, `host1:4,host2:8`, `user@host:2222`, or `@FILE`. Throws LAUNCHER_OPTIONS with what
 * cannot be read.
 */
export function readHosts(text: string): Host[] {
  const hosts = text.startsWith('@')
    ? readHostFile(text.slice(1))
    : namesOf(text, '-o hosts').map((name) => hostOf(name, 'hosts'));
  const twice = hosts.find(({ word }, index) => hosts.findIndex((other) => other.word === word) !== index);
  if (twice) throw wrong(`-o hosts names ${twice.word} twice.`);
  return hosts;
}

function namesOf(text: string, where: string): string[] {
  const names = expandWords(text);
  if (!names)
    throw wrong(`${where} has "${text}", but must be names such as host[1-16], host1:4 or user@host:2222.`);
  return names;
}

function hostOf(text: string, where: string): Host {
  const read = readWord(text);
  if (!read)
    throw wrong(
      `${where} has "${text}", but must be like host, host:4, user@host:2222, user@host:2222:4 or ` +
        '[fd00::1]:4.',
    );
  const slots = read.slots === undefined ? undefined : countOf(String(read.slots), text);
  return { ...read, slots, word: wordOf(read), environment: {}, setup: [] };
}

/** A host on the way to another one, as ProxyJump has it: `user@name:port`. */
export const jumpOf = (text: string): Host => ({ word: text, ...readJump(text), environment: {}, setup: [] });

function countOf(text: string, where: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 4096) return count;
  throw wrong(`${where}: ${text} is no number of engines.`);
}

/** A file of hosts: one line for each, its name first, then what is said about it; `#` begins a comment. */
function readHostFile(path: string): Host[] {
  const whole = expandHome(path);
  let text: string;
  try {
    text = readFileSync(whole, 'utf8');
  } catch (error) {
    throw wrong(`The file of hosts cannot be read: ${messageOf(error)}`, [whole]);
  }
  const hosts = text.split('\n').flatMap((line, index) => {
    const [names, ...rest] = splitWords(line.replace(/(^|\s)#.*/, ''));
    if (names === undefined) return [];
    const where = `${whole}, line ${index + 1}`;
    return namesOf(names, where).map((name) => withFacts(hostOf(name, where), factsOf(rest), where));
  });
  if (hosts.length === 0) throw wrong('The file of hosts names none.', [whole]);
  const once = merged(hosts);
  if (typeof once === 'string')
    throw wrong(`The file of hosts names ${once} twice, with different words about it.`, [whole]);
  return once;
}

function withFacts(host: Host, facts: readonly string[], where: string): Host {
  const environment: Record<string, string> = {};
  const setup: string[] = [];
  const said: Partial<Host> = {};
  const counts = new Map<string, number>();
  for (const fact of facts) {
    const [, key = '', value = ''] = /^([\w-]+)=(.*)$/s.exec(fact) ?? [];
    if (countWords.some((word) => word === key)) counts.set(key, countOf(value, where));
    else if (withoutMeaning.some((word) => word === key)) continue;
    else if (key === 'user' && value !== '' && host.user === undefined) said.user = value;
    else if (key === 'port' && /^\d{1,5}$/.test(value) && host.port === undefined) said.port = Number(value);
    else if (key === 'node') said.node = value;
    else if (key === 'package') said.package = value;
    else if (key === 'work-dir') said.workDir = value;
    else if (key === 'setup') setup.push(value);
    else if (key === 'env' && /^[A-Za-z_]\w*=/.test(value))
      environment[value.slice(0, value.indexOf('='))] = value.slice(value.indexOf('=') + 1);
    else
      throw wrong(
        `${where}: "${fact}" is none of slots=N, user=NAME, port=N, node=PATH, package=PATH, ` +
          'work-dir=PATH, env=NAME=VALUE, setup=LINE.',
      );
  }
  const slots = countWords.map((word) => counts.get(word)).find((count) => count !== undefined) ?? host.slots;
  const whole = { ...host, ...said, slots, environment, setup };
  return { ...whole, word: wordOf({ name: whole.name, user: whole.user, port: whole.port }) };
}
