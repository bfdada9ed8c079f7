import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { IpclusterError, messageOf } from '../../base/errors.js';
import { expandHosts } from '../../base/host-list.js';
import { splitWords } from '../../base/shell.js';

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

/** Reads `host[1-16]`, `host1:4,host2:8`, `user@host:2222`, or `@FILE`. Throws LAUNCHER_OPTIONS with what cannot be read. */
export function readHosts(text: string): Host[] {
  const hosts = text.startsWith('@')
    ? readHostFile(text.slice(1))
    : namesOf(text, '-o hosts').map((name) => hostOf(name, 'hosts'));
  const twice = hosts.find(({ word }, index) => hosts.findIndex((other) => other.word === word) !== index);
  if (twice) throw wrong(`-o hosts names ${twice.word} twice.`);
  return hosts;
}

function namesOf(text: string, where: string): string[] {
  const names = expandHosts(text);
  if (!names) throw wrong(`${where} has "${text}", but must be names such as host[1-16], host1:4 or user@host:2222.`);
  return names;
}

/** After a name stand engines; after a user's name a port, and then engines: `host:4`, `user@host:2222`, `user@host:2222:4`. */
function hostOf(text: string, where: string): Host {
  const [, user, name, first, second] = /^(?:([^@\s]+)@)?([\w.-]+)(?::(\d+))?(?::(\d+))?$/.exec(text) ?? [];
  if (name === undefined || name.startsWith('-') || (user === undefined && second !== undefined))
    throw wrong(`${where} has "${text}", but must be like host, host:4, user@host:2222 or user@host:2222:4.`);
  const port = user === undefined || first === undefined ? undefined : Number(first);
  const slots = user === undefined ? first : second;
  const word = `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
  return { word, name, user, port, slots: slots === undefined ? undefined : countOf(slots, text), environment: {}, setup: [] };
}

/** A host on the way to another one, as ProxyJump has it: `user@name:port`. */
export function jumpOf(text: string): Host {
  const [, user, name = text, port] = /^(?:([^@]+)@)?(.+?)(?::(\d+))?$/.exec(text) ?? [];
  return { word: text, name, user, port: port === undefined ? undefined : Number(port), environment: {}, setup: [] };
}

function countOf(text: string, where: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 4096) return count;
  throw wrong(`${where}: ${text} is no number of engines.`);
}

/** A file of hosts: one line for each, its name first, then what is said about it; `#` begins a comment. */
function readHostFile(path: string): Host[] {
  const whole = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  let text: string;
  try {
    text = readFileSync(whole, 'utf8');
  } catch (error) {
    throw wrong(`The file of hosts cannot be read: ${messageOf(error)}`, [whole]);
  }
  const hosts = text.split('\n').flatMap((line, index) => {
    const [names, ...facts] = splitWords(line.replace(/(^|\s)#.*/, ''));
    if (names === undefined) return [];
    const where = `${whole}, line ${index + 1}`;
    return namesOf(names, where).map((name) => withFacts(hostOf(name, where), facts, where));
  });
  if (hosts.length === 0) throw wrong('The file of hosts names none.', [whole]);
  return hosts;
}

function withFacts(host: Host, facts: readonly string[], where: string): Host {
  const environment: Record<string, string> = {};
  const setup: string[] = [];
  const said: Partial<Host> = {};
  for (const fact of facts) {
    const [, key, value = ''] = /^([\w-]+)=(.*)$/s.exec(fact) ?? [];
    if (key === 'slots' || key === 'cores') said.slots = countOf(value, where);
    else if (key === 'node') said.node = value;
    else if (key === 'package') said.package = value;
    else if (key === 'work-dir') said.workDir = value;
    else if (key === 'setup') setup.push(value);
    else if (key === 'env' && /^[A-Za-z_]\w*=/.test(value))
      environment[value.slice(0, value.indexOf('='))] = value.slice(value.indexOf('=') + 1);
    else
      throw wrong(`${where}: "${fact}" is none of slots=N, node=PATH, package=PATH, work-dir=PATH, env=NAME=VALUE, setup=LINE.`);
  }
  return { ...host, ...said, environment, setup };
}
