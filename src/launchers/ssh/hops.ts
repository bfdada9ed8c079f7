import { quoteCommand } from '../../base/shell.js';
import { type Configuration, configurationOf, hostWords } from './configuration.js';
import { HostError } from './connection.js';
import { hostError } from './failures.js';
import { type Host, jumpOf } from './hosts.js';

/** A host on the way to another one. */
export interface Hop {
  host: Host;
  configuration: Configuration;
}

/** No way has more hosts than this. */
const longestWay = 16;

/** All hosts on the way (ProxyJump), nearest first: the first of them may be behind others by its own configuration. Throws {@link HostError}. */
export async function hopsOf({ jumps }: Configuration, file: string | undefined): Promise<Hop[]> {
  const hops: Hop[] = [];
  for (let words = [...jumps]; words.length > 0; ) {
    const before = await Promise.all(words.map(async (word) => hopOf(word, file)));
    hops.unshift(...before);
    words = [...(hops[0]?.configuration.jumps ?? [])];
    const twice = words.find((word) => hops.some(({ host }) => host.word === word));
    if (twice !== undefined || hops.length > longestWay) throw endless(twice ?? words.join(','));
  }
  return hops;
}

async function hopOf(word: string, file: string | undefined): Promise<Hop> {
  const host = jumpOf(word);
  return { host, configuration: await configurationOf(host, file) };
}

const endless = (word: string): HostError =>
  new HostError({
    code: 'ssh-config',
    sentence: `The way to it leads back to ${word} (ProxyJump in the configuration of ssh).`,
    suggestions: [`\`ProxyJump none\` for ${word} in ~/.ssh/config.`],
  });

/**
 * The command that stands for a way, for ssh: what it would make of ProxyJump itself, but with words of ours for each host, so that nobody
 * is asked there either and no host key is taken unseen.
 */
export function wayCommand(hops: readonly Hop[], own: readonly string[], file: string | undefined): string | undefined {
  const last = hops.at(-1);
  if (!last) return undefined;
  const inner = wayCommand(hops.slice(0, -1), own, file);
  // What is a token for the next ssh is none for this one.
  const through = inner === undefined ? [] : ['-o', `ProxyCommand=${inner.replaceAll('%', '%%')}`];
  const words = [...own, ...last.configuration.overrides, ...through];
  return `${quoteCommand(['ssh', ...words])} -W '[%h]:%p' ${quoteCommand(hostWords(last.host, file))}`;
}

/** A failure of a host on the way, named by its word. */
export function hopError(hop: Host, { verdict }: HostError): HostError {
  const suggestions = verdict.suggestions.map((text) => text.replaceAll('HOST', hop.name));
  return new HostError({ ...verdict, sentence: `On the way to it, ${hop.word}: ${verdict.sentence}`, suggestions });
}

/** An ssh whose way ended before the host at its end said anything ends with this. */
const wayEnded = /UNKNOWN port 65535/g;

/**
 * Which host failed, by what the system's ssh said: each ssh of the way says so once when its own way ended, from the one behind that
 * which failed to the last.
 */
export function failureOf(said: string, hops: readonly Hop[]): HostError {
  const behind = said.match(wayEnded)?.length ?? 0;
  const words = said
    .split('\n')
    .filter((line) => !/UNKNOWN port 65535|kex_exchange_identification|banner exchange: Connection closed/.test(line));
  const own = behind === 0 ? said : words.join('\n');
  // It was let in, but did not reach the next one.
  const isUnreached = /stdio forwarding failed/.test(said) && !/prohibited/.test(said);
  const index = hops.length - behind + (isUnreached ? 1 : 0);
  const hop = hops[index];
  if (behind === 0 || (hops.length > 0 && index >= hops.length))
    return isUnreached ? unreached(own, hops.at(-1)) : hostError(own);
  const error = hostError(own);
  if (hop) return hopError(hop.host, isUnreached ? unreached(own, hops[index - 1]) : error);
  return new HostError({ ...error.verdict, sentence: `The ProxyCommand of its configuration fails: ${error.verdict.sentence}` });
}

/** What a host on the way says of the next one. */
function unreached(said: string, from: Hop | undefined): HostError {
  const { verdict } = hostError(said);
  return from ? new HostError({ ...verdict, sentence: `From ${from.host.word}: ${verdict.sentence}` }) : new HostError(verdict);
}
