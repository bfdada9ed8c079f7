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

/**
 * All hosts on the way (ProxyJump), nearest first: the first of them may be behind others by its own
 * configuration. Throws {@link HostError}.
 */
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
 * The command that stands for a way, for ssh: what it would make of ProxyJump itself, but with words of ours
 * for each host, so that nobody is asked there either and no host key is taken unseen. Each waits a second
 * longer (`wait`, in seconds) than the one before it.
 */
export function wayCommand(
  hops: readonly Hop[],
  own: readonly string[],
  wait: number,
  file: string | undefined,
): string | undefined {
  const last = hops.at(-1);
  if (!last) return undefined;
  const inner = wayCommand(hops.slice(0, -1), own, wait, file);
  // What is a token for the next ssh is none for this one.
  const through = inner === undefined ? [] : ['-o', `ProxyCommand=${inner.replaceAll('%', '%%')}`];
  const patience = ['-o', `ConnectTimeout=${wait + hops.length - 1}`];
  const words = ['ssh', ...own, ...patience, ...last.configuration.overrides, ...through];
  return `${quoteCommand(words)} -W '[%h]:%p' ${quoteCommand(hostWords(last.host, file))}`;
}

/** A failure that is no matter of the host itself but of one on the way to it, which is named. */
class HopError extends HostError {}

/** A failure of a host on the way, named by its word. */
export function hopError(hop: Host, error: HostError): HostError {
  if (error instanceof HopError) return error;
  const suggestions = error.verdict.suggestions.map((text) => text.replaceAll('HOST', hop.name));
  return new HopError({
    ...error.verdict,
    sentence: `On the way to it, ${hop.word}: ${error.verdict.sentence}`,
    suggestions,
  });
}

/** What a host on the way says of the next one: that it lets nobody through, or why it cannot reach it. */
export function unreached(from: Host, error: HostError): HostError {
  if (error.verdict.code === 'gate-refused') return hopError(from, error);
  return new HostError({ ...error.verdict, sentence: `From ${from.word}: ${error.verdict.sentence}` });
}

/** What the command of ProxyCommand said. */
export const proxyError = ({ verdict }: HostError): HostError =>
  new HopError({ ...verdict, sentence: `The ProxyCommand of its configuration fails: ${verdict.sentence}` });

/** An ssh whose way ended before the host at its end said anything ends with this. */
const wayEnded = /UNKNOWN port 65535/g;
const onlyThat = /UNKNOWN port 65535|^kex_exchange_identification: /;

/**
 * Which host failed, by what the system's ssh said: each ssh of the way says so once when its own way ended,
 * from the one behind that which failed to the last.
 */
export function failureOf(said: string, hops: readonly Hop[]): HostError {
  const ended = said.match(wayEnded)?.length ?? 0;
  const lines = said.split('\n').filter((line) => ended === 0 || !onlyThat.test(line));
  const error = hostError(lines.join('\n'));
  if (ended > 0 && hops.length === 0) return proxyError(error);
  // The last that was dialled, and the one that did it: nearest first, the host itself behind them all.
  const last = Math.max(0, hops.length - ended);
  if (!/stdio forwarding failed/.test(said)) return at(hops, last, error);
  const from = hops[last];
  return at(hops, last + 1, from ? unreached(from.host, error) : error);
}

const at = (hops: readonly Hop[], index: number, error: HostError): HostError => {
  const hop = hops[index];
  return hop ? hopError(hop.host, error) : error;
};
