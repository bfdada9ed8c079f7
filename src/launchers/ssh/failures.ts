import { messageOf } from '../../base/errors.js';
import { explainWords, type Phrase } from '../../launcher-kit/words.js';
import { HostError } from './connection.js';

/**
 * What ssh says, its own or our library's, the most telling first (words recorded from OpenSSH 9.2 and Node
 * 20).
 */
const phrases: readonly Phrase[] = [
  {
    words: /HOST IDENTIFICATION HAS CHANGED|host key .*has changed/i,
    code: 'host-key-changed',
    sentence:
      'Its host key is not the one that is known: somebody may be listening in, or it was installed anew.',
    suggestions: ['Ask who looks after it for the fingerprint; then `ssh-keygen -R HOST` and `ssh HOST`.'],
  },
  {
    words: /revoked/i,
    code: 'host-key-revoked',
    sentence: 'Its host key is marked as revoked.',
    suggestions: ['Ask who looks after it.'],
  },
  {
    words: /host key verification failed|no .*host key is known/i,
    code: 'host-key-unknown',
    sentence: 'Its host key is not known, and none is accepted unseen.',
    suggestions: [
      '`ssh HOST` once, and compare the fingerprint.',
      'For many hosts: a known_hosts file of the site.',
    ],
  },
  {
    words: /could not resolve hostname|ENOTFOUND|EAI_AGAIN|name or service not known/i,
    code: 'host-unknown',
    sentence: 'There is no host of that name.',
    suggestions: ['`getent hosts HOST`'],
  },
  {
    words: /connection refused|ECONNREFUSED/i,
    code: 'host-refused',
    sentence: 'It answers, but no sshd listens there.',
    suggestions: ['Is it up, and is the port right?'],
  },
  {
    words: /no route to host|network is unreachable|EHOSTUNREACH|ENETUNREACH/i,
    code: 'host-unreachable',
    sentence: 'There is no way to it in the network.',
    suggestions: ['`ping HOST`', 'Through another host: ProxyJump in ~/.ssh/config.'],
  },
  {
    words: /timed out|ETIMEDOUT|time-?out|not responding/i,
    code: 'host-timeout',
    sentence: 'It does not answer in time: it is off, hangs, or a firewall is silent.',
    suggestions: ['`ping HOST`', 'Longer: `-o timeout=30s`.'],
  },
  {
    words: /permission denied \((?![^)]*publickey)[^)]*(keyboard-interactive|password)/i,
    code: 'host-typing',
    sentence: 'It takes no key alone: something has to be typed, and nobody is there to do it.',
    suggestions: ['Log in once and keep it open: `ssh -M -N -f HOST`, with a ControlPath in ~/.ssh/config.'],
  },
  {
    words: /bad permissions|UNPROTECTED PRIVATE KEY/i,
    code: 'key-file',
    sentence: 'A key file of yours may be read by others, so it is not used.',
    suggestions: ['`chmod 600` that file.'],
  },
  {
    words: /passphrase|encrypted/i,
    code: 'key-encrypted',
    sentence: 'The key has a passphrase, and nobody is there to be asked for it.',
    suggestions: ['`ssh-add`, or start from a terminal.'],
  },
  {
    words: /too many authentication failures/i,
    code: 'host-auth',
    sentence: 'It was offered too many keys, and closed before the right one came.',
    suggestions: ['In ~/.ssh/config for that host: `IdentityFile KEY` and `IdentitiesOnly yes`.'],
  },
  {
    words: /permission denied|authentication methods failed/i,
    code: 'host-auth',
    sentence: 'It does not let you in: none of your keys is accepted.',
    suggestions: ['`ssh -v HOST true`', '`ssh-copy-id HOST`'],
  },
  {
    words: /account .*(expired|locked|not available)|not currently available|nologin/i,
    code: 'host-account',
    sentence: 'Your account there may not log in now.',
    suggestions: ['Ask who looks after it.'],
  },
  {
    words: /prohibited.*stdio forwarding failed|prohibited.*channel open failure/is,
    code: 'gate-refused',
    sentence: 'It lets nobody through to other hosts.',
    suggestions: ["sshd's AllowTcpForwarding and PermitOpen there."],
  },
  {
    words: /forwarding failed|prohibited|unable to bind/i,
    code: 'tunnel-refused',
    sentence: 'It does not allow tunnels, and the controller cannot be reached from there.',
    suggestions: ['A controller that it can reach: `--ip`, or `--controller HOST`.'],
  },
  {
    words:
      /kex_exchange_identification|connection (closed|reset|lost)|ECONNRESET|EPIPE|socket hang up|session open refused/i,
    code: 'host-busy',
    sentence:
      'It closed the connection before anything was said, again and again: too many at once, or it is ' +
      'shutting down.',
    suggestions: ['Fewer at once: `-o fanout=8`.', "sshd's MaxStartups there."],
  },
];

/** What ssh said, as an error with a verdict; its own last words stand in brackets. */
export function hostError(said: string): HostError {
  const words = said.trim();
  const last = words
    .split('\n')
    .filter((line) => !/^@/.test(line))
    .at(-1)
    ?.trim();
  const known = explainWords(phrases, words);
  if (!known)
    return new HostError({
      code: 'host-failed',
      sentence: `ssh failed: ${last || 'it said nothing'}.`,
      suggestions: [],
    });
  return new HostError({
    ...known,
    sentence: `${known.sentence}${last ? ` (${last.replace(/\.$/, '')})` : ''}`,
  });
}

/** Whatever was thrown, as an error with a verdict. */
export const asHostError = (error: unknown): HostError =>
  error instanceof HostError ? error : hostError(messageOf(error));

/**
 * True for what may go well a moment later: sshd drops connections when too many come at once (MaxStartups).
 */
export const isPassing = ({ verdict }: HostError): boolean => verdict.code === 'host-busy';
