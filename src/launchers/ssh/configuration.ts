import { existsSync, readFileSync } from 'node:fs';
import { hostname as ownName } from 'node:os';
import { expandHome, homeFolder, userName } from '../../base/owner.js';
import { configurationText } from './configuration-text.js';
import type { Host } from './hosts.js';

/**
 * What OpenSSH's own configuration says of a host, as `ssh -G` resolves it: aliases, Match blocks and
 * included files are in it.
 */
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
  /** A command in place of a connection, whose streams lead to the host; undefined where there is none. */
  proxyCommand: string | undefined;
  /** Kinds of host keys that may be shown, by the names of their algorithms; empty for any. */
  hostKeyAlgorithms: readonly string[];
  /** Why the system's own ssh is to do it; undefined where our library is as good. */
  needs: string | undefined;
  /** A connection of the user's own that is open already (ControlPath). */
  master: string | undefined;
  /** Words for `ssh` that take back what would keep a command of ours from running. */
  overrides: readonly string[];
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

/** Asks `ssh -G`. Throws HostError where it cannot read its configuration. */
export async function configurationOf(host: Host, file: string | undefined): Promise<Configuration> {
  return interpret(host, await configurationText(hostWords(host, file)));
}

/** Reads what `ssh -G` says; its keys are written small (ssh_config(5)). */
export function interpret(host: Host, text: string): Configuration {
  const lines = text
    .split('\n')
    .map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)] as const);
  const all = (key: string): string[] =>
    lines.flatMap(([name, value]) => (name === key && value !== 'none' ? [value] : []));
  const one = (key: string): string | undefined => all(key)[0];
  const hostname = one('hostname') ?? host.name;
  const port = Number(one('port') ?? host.port ?? 22);
  const user = one('user') ?? host.user ?? userName();
  const expand = (path: string, key = host.name): string =>
    expandTokens(expandHome(path), { h: hostname, n: host.name, p: String(port), r: user, k: key });
  const paths = (key: string): string[] =>
    all(key).flatMap((value) => value.split(' ').map((path) => expand(path)));
  const identityFiles = paths('identityfile');
  const knownHosts = [...paths('userknownhostsfile'), ...paths('globalknownhostsfile')];
  const alias = one('hostkeyalias');
  const proxy = one('proxycommand');
  const path = one('controlpath');
  const master = path === undefined ? undefined : expand(path);
  return {
    hostname,
    port,
    identityFiles,
    knownHosts,
    user,
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: agentOf(lines.find(([key]) => key === 'identityagent')?.[1], expand),
    overrides: overridesOf(lines),
    // An alias stands for a host at whatever port.
    keyName: alias ?? (port === 22 ? hostname.toLowerCase() : `[${hostname.toLowerCase()}]:${port}`),
    jumps: (one('proxyjump') ?? '').split(',').filter(Boolean),
    proxyCommand: proxy === undefined ? undefined : expand(proxy, alias ?? host.name),
    hostKeyAlgorithms: (one('hostkeyalgorithms') ?? '').split(',').filter(Boolean),
    needs: needsSystem({ one, all, identityFiles, knownHosts }),
    master: master !== undefined && existsSync(master) ? master : undefined,
  };
}

/** The agent's socket, as IdentityAgent says it: a path, `SSH_AUTH_SOCK`, `$VARIABLE`, or `none`. */
function agentOf(said = 'SSH_AUTH_SOCK', expand: (path: string) => string): string | undefined {
  if (said === 'none') return undefined;
  const variable = said === 'SSH_AUTH_SOCK' ? said : /^\$\{?(\w+)\}?$/.exec(said)?.[1];
  return (variable === undefined ? expand(said) : process.env[variable]) || undefined;
}

/**
 * Usual values of what a configuration may set for logins of people; older versions know only some of them,
 * so no other is named.
 */
const usual: Readonly<Record<string, string>> = {
  remotecommand: 'none',
  sessiontype: 'default',
  stdinnull: 'no',
  forkafterauthentication: 'no',
  permitlocalcommand: 'no',
  forwardx11: 'no',
};

const overridesOf = (lines: readonly (readonly [key: string, value: string])[]): string[] =>
  lines.flatMap(([key, value]) =>
    usual[key] === undefined || usual[key] === value ? [] : ['-o', `${key}=${usual[key]}`],
  );

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
  if (one('proxyusefdpass') === 'yes') return 'ProxyUseFdpass';
  if (one('hostbasedauthentication') === 'yes') return 'HostbasedAuthentication';
  if (all('certificatefile').length > 0 || identityFiles.some((path) => existsSync(`${path}-cert.pub`)))
    return 'a certificate';
  if (knownHosts.some(hasAuthority)) return 'a certificate authority of host keys';
  if (one('gssapiauthentication') === 'yes' && hasTicket()) return 'Kerberos';
  if (all('pkcs11provider').length > 0 || identityFiles.some((path) => /_sk$/.test(path) && existsSync(path)))
    return 'a key in hardware';
  // The library can do it as well, but ssh knows more of those who write them.
  if (one('proxycommand') !== undefined) return 'ProxyCommand';
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

/** What `ssh -G` leaves as it is: the tokens of ssh_config(5). */
function expandTokens(path: string, tokens: Readonly<Record<string, string>>): string {
  const own = {
    d: homeFolder(),
    i: String(process.getuid?.() ?? ''),
    l: ownName(),
    L: ownName().split('.')[0] ?? '',
    u: userName(),
  };
  const all: Readonly<Record<string, string>> = { '%': '%', ...own, ...tokens };
  return path.replaceAll(/%(.)/g, (token, letter: string) => all[letter] ?? token);
}
