import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname as ownName } from 'node:os';
import { join } from 'node:path';
import { userName } from '../../base/owner.js';
import { runTool } from '../../processes/tool.js';
import type { Host } from './hosts.js';

/** What OpenSSH's own configuration says of a host, as `ssh -G` resolves it: aliases, Match blocks and included files are in it. */
export interface Configuration {
  hostname: string;
  user: string;
  port: number;
  identityFiles: readonly string[];
  identitiesOnly: boolean;
  /** The agent's socket; undefined where there is none. */
  agent: string | undefined;
  knownHosts: readonly string[];
  /** The name under which its key is known. */
  keyName: string;
  /** Words of other hosts that lie on the way, nearest first. */
  jumps: readonly string[];
  /** Why only the system's own ssh can do it; undefined where our library can as well. */
  needs: string | undefined;
  /** A connection of the user's own that is open already (ControlPath). */
  master: string | undefined;
}

/** Words for `ssh` that name a host. */
export function hostWords({ name, user, port }: Host, file: string | undefined): string[] {
  return [
    ...(file === undefined ? [] : ['-F', file]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    name,
  ];
}

/** Asks `ssh -G`. Without that program there is no configuration: then names mean what they say. */
export async function configurationOf(host: Host, file: string | undefined): Promise<Configuration> {
  const argv = ['ssh', '-G', ...hostWords(host, file)] as const;
  const { code, stdout } = await runTool({ argv, env: process.env, timeout: 10_000 });
  return interpret(host, code === 0 ? stdout : '');
}

/** Reads what `ssh -G` says; its keys are written small (ssh_config(5)). */
export function interpret(host: Host, text: string): Configuration {
  const lines = text.split('\n').map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)] as const);
  const all = (key: string): string[] => lines.flatMap(([name, value]) => (name === key && value !== 'none' ? [value] : []));
  const one = (key: string): string | undefined => all(key)[0];
  const hostname = one('hostname') ?? host.name;
  const port = Number(one('port') ?? host.port ?? 22);
  const user = one('user') ?? host.user ?? userName();
  const expand = (path: string): string =>
    expandTokens(expandHome(path), { h: hostname, n: host.name, p: String(port), r: user });
  const paths = (key: string): string[] => all(key).flatMap((value) => value.split(' ').map(expand));
  const agent = one('identityagent') ?? 'SSH_AUTH_SOCK';
  const identityFiles = paths('identityfile');
  const knownHosts = [...paths('userknownhostsfile'), ...paths('globalknownhostsfile')];
  const bare = one('hostkeyalias') ?? hostname.toLowerCase();
  const path = one('controlpath');
  const master = path === undefined ? undefined : expand(path);
  return {
    ...{ hostname, port, identityFiles, knownHosts },
    user,
    identitiesOnly: one('identitiesonly') === 'yes',
    agent:
      agent === 'SSH_AUTH_SOCK'
        ? process.env['SSH_AUTH_SOCK']
        : expandHome(agent.replace(/^\$(\w+)$/, (_all, name: string) => process.env[name] ?? '')),
    keyName: port === 22 ? bare : `[${bare}]:${port}`,
    jumps: (one('proxyjump') ?? '').split(',').filter(Boolean),
    needs: needsSystem({ one, all, identityFiles, knownHosts }),
    master: master !== undefined && existsSync(master) ? master : undefined,
  };
}

/** What a library of ours does not do: each of these is usual somewhere (site-realities, "SSH at sites"). */
function needsSystem({
  one,
  all,
  identityFiles,
  knownHosts,
}: {
  one(key: string): string | undefined;
  all(key: string): string[];
  identityFiles: readonly string[];
  knownHosts: readonly string[];
}): string | undefined {
  if (one('proxycommand') !== undefined) return 'ProxyCommand';
  if (one('hostbasedauthentication') === 'yes') return 'HostbasedAuthentication';
  if (all('certificatefile').length > 0 || identityFiles.some((path) => existsSync(`${path}-cert.pub`))) return 'a certificate';
  if (knownHosts.some(hasAuthority)) return 'a certificate authority of host keys';
  if (one('gssapiauthentication') === 'yes' && hasTicket()) return 'Kerberos';
  if (all('pkcs11provider').length > 0 || identityFiles.some((path) => /_sk$/.test(path) && existsSync(path)))
    return 'a key in hardware';
  return undefined;
}

function hasAuthority(path: string): boolean {
  try {
    return /^@cert-authority /m.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

/** Debian and Red Hat switch Kerberos on for everybody; it matters to those who hold a ticket. */
function hasTicket(): boolean {
  const cache = process.env['KRB5CCNAME'];
  return cache !== undefined && cache !== '' ? true : existsSync(`/tmp/krb5cc_${process.getuid?.() ?? ''}`);
}

const expandHome = (path: string): string => (path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);

/** What `ssh -G` leaves as it is: the tokens of ssh_config(5). */
function expandTokens(path: string, tokens: Readonly<Record<string, string>>): string {
  const own = {
    d: homedir(),
    i: String(process.getuid?.() ?? ''),
    l: ownName(),
    L: ownName().split('.')[0] ?? '',
    u: userName(),
  };
  const all: Readonly<Record<string, string>> = { '%': '%', ...own, ...tokens };
  return path.replaceAll(/%(.)/g, (token, letter: string) => all[letter] ?? token);
}
