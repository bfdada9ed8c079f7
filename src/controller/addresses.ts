import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { IpclusterError } from '../base/errors.js';

/** Where to listen, and what to tell others. */
export interface Listening {
  /** Address to bind. */
  host: string;
  /** Candidates for peers, best first; names last. */
  addresses: string[];
}

/** Interfaces that lead nowhere outside this machine. */
const inner = /^(docker|br-|virbr|veth|lo$|cni|flannel|podman)/;

/**
 * Turns `--ip` (an address, a name, an interface, `private`, `*`; nothing for this machine only) and
 * `--location` into what to bind and publish. Throws ADDRESS when this machine has no such address.
 */
export async function chooseAddresses(
  ip: string | undefined,
  location: string | undefined,
): Promise<Listening> {
  const listening = ip === undefined ? { host: '127.0.0.1', addresses: ['127.0.0.1'] } : await resolveIp(ip);
  if (location === undefined) return listening;
  return {
    ...listening,
    addresses: [location, ...listening.addresses.filter((address) => address !== location)],
  };
}

async function resolveIp(ip: string): Promise<Listening> {
  const interfaces = networkInterfaces();
  if (ip === 'private') return privateAddresses(interfaces);
  if (ip === '*' && hasIPv6(interfaces)) return resolveIp('::');
  if (ip === '*' || ip === '0.0.0.0')
    return { host: '0.0.0.0', addresses: [...outerAddresses(interfaces, 'IPv4'), hostname()] };
  if (ip === '::') return { host: '::', addresses: [...outerAddresses(interfaces), hostname()] };
  const named = interfaces[ip];
  if (named) {
    const [first, ...rest] = usable(named);
    if (!first) throw new IpclusterError('ADDRESS', `The interface ${ip} has no address.`);
    return { host: first, addresses: [first, ...rest.filter((address) => address === first)] };
  }
  if (isIP(ip)) return { host: ip, addresses: [ip] };
  const found = await lookup(ip, { all: true }).catch(() => []);
  const own = new Set(
    Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => address)),
  );
  const mine = found.find(({ address }) => own.has(address));
  if (mine) return { host: mine.address, addresses: [mine.address, ip] };
  throw new IpclusterError('ADDRESS', `"${ip}" is no address, name or interface of this machine.`, {
    suggestions: [
      `It has the interfaces ${Object.keys(interfaces).join(', ')}.`,
      "Listen on all of them: --ip '*'.",
    ],
  });
}

/**
 * Addresses inside a site, for jobs on its other machines. Where there is none, names and public addresses
 * are no way out: they need `--ip`. The machine's name goes last, since it may mean anything.
 */
function privateAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Listening {
  const addresses = outerAddresses(interfaces).filter(isPrivate);
  const [only] = addresses;
  if (only === undefined) return { host: '127.0.0.1', addresses: ['127.0.0.1'] };
  // One address is bound alone; several cannot be without all others, so those are bound and not told.
  const all = addresses.some((address) => isIP(address) === 6) ? '::' : '0.0.0.0';
  return addresses.length === 1
    ? { host: only, addresses: [only] }
    : { host: all, addresses: [...addresses, hostname()] };
}

/** What is bound to `::` is reached by both families, where the kernel has the newer one at all. */
const hasIPv6 = (interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): boolean =>
  Object.values(interfaces).some((list) => list?.some(({ family }) => family === 'IPv6'));

/** Addresses that other machines may reach, private ones first. */
function outerAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, family?: 'IPv4'): string[] {
  const all = Object.entries(interfaces).flatMap(([name, list]) =>
    inner.test(name) ? [] : usable(list ?? [], family),
  );
  return all.sort((a, b) => Number(isPrivate(b)) - Number(isPrivate(a)));
}

function usable(list: readonly NetworkInterfaceInfo[], family?: 'IPv4'): string[] {
  const kept = list.filter(
    ({ address, family: own }) => !/^(fe80:|169\.254\.)/i.test(address) && (!family || own === family),
  );
  return kept.sort((a, b) => a.family.localeCompare(b.family)).map(({ address }) => address);
}

const isPrivate = (address: string): boolean =>
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/i.test(address);
