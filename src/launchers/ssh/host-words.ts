import { isIPv6 } from 'node:net';
import { expandHosts } from '../../base/host-list.js';

/** One host as a word names it. */
export interface HostWord {
  name: string;
  user: string | undefined;
  port: number | undefined;
  slots: number | undefined;
}

/**
 * Cuts a list at the commas outside of brackets and expands ranges; undefined where it cannot be read. An
 * address of IPv6 is no range.
 */
export function expandWords(text: string): string[] | undefined {
  const parts = text
    .split(/,(?![^[]*\])/)
    .map((part) => (addressIn(part.trim()) ? [part.trim()] : expandHosts(part)));
  return parts.includes(undefined) ? undefined : (parts as string[][]).flat();
}

const form = /^(?:(\d+)[*/])?(?:([^@\s]+)@)?(.*)$/;
const bracketed = /^\[([^[\]]*)\](.*)$/;

/** The address of IPv6 that a word names, with what stands behind it; undefined for any other word. */
function addressIn(word: string): { address: string; rest: string } | undefined {
  const place = form.exec(word)?.[3] ?? '';
  const [, address = place, rest = ''] = bracketed.exec(place) ?? [];
  return isIPv6(address) ? { address, rest } : undefined;
}

/**
 * Reads `host`, `host:4`, `user@host:2222`, `user@host:2222:4`, and GNU parallel's `4/user@host` (also
 * `4*host`); an address of IPv6 stands in brackets where anything follows it. Undefined for what is no host.
 */
export function readWord(text: string): HostWord | undefined {
  const [, before, user, place = ''] = form.exec(text) ?? [];
  const address = addressIn(text);
  const [, plain, ...numbers] =
    /^([\w.-]*)(?::(\d+))?(?::(\d+))?$/.exec(address ? address.rest : place) ?? [];
  const [first, second] = numbers;
  if (
    plain === undefined ||
    (address ? plain !== '' : plain === '' || plain.startsWith('-')) ||
    user?.startsWith('-')
  )
    return undefined;
  // After a name stand engines; after a user's name a port, and then engines.
  if (user === undefined && second !== undefined) return undefined;
  const after = user === undefined ? first : second;
  if (before !== undefined && after !== undefined) return undefined;
  const slots = before ?? after;
  return {
    name: address?.address ?? plain,
    user,
    port: user === undefined || first === undefined ? undefined : Number(first),
    slots: slots === undefined ? undefined : Number(slots),
  };
}

/** A host on the way to another one, as ProxyJump has it: `user@name:port`. */
export function readJump(text: string): Pick<HostWord, 'name' | 'user' | 'port'> {
  const [, user, place = text] = /^(?:ssh:\/\/)?(?:([^@]+)@)?(.+?)\/?$/.exec(text) ?? [];
  const [, address] = bracketed.exec(place) ?? [];
  if (address === undefined && isIPv6(place)) return { name: place, user, port: undefined };
  const [, name = place, port] = /^(.+?)(?::(\d+))?$/.exec(place) ?? [];
  return { name: address ?? name, user, port: port === undefined ? undefined : Number(port) };
}

/** How a host is called by its user, without engines. */
export function wordOf({ name, user, port }: Pick<HostWord, 'name' | 'user' | 'port'>): string {
  const place = port !== undefined && isIPv6(name) ? `[${name}]` : name;
  return `${user === undefined ? '' : `${user}@`}${place}${port === undefined ? '' : `:${port}`}`;
}
