// The hosts of the varied bed (test/beds/ssh/varied-hosts.sh), each with what must come of it, written down
// before any run: `there`, or the code and the words of its own refusal. `ssh` is what `ssh HOST true` must
// do, which is looked at first.
const there = (what) => ({ what, expected: 'there', ssh: 'in' });

export const hosts = {
  host1: there('bash that prints without a newline, umask 027'),
  host2: there('dash, an ~/.ssh/rc that prints, RSA behind a wrong key, MaxAuthTries 2'),
  host3: there('the C shell of BSD that prints, a TMPDIR that is not there, ECDSA'),
  host4: there('tcsh that leaves a child on the streams, a certificate'),
  host5: there('fish that prints, behind two gates of other users, ports and keys'),
  host6: there('zsh that prints from .zshenv, an agent of ten keys, the public half of an encrypted one'),
  host7: there('bash that becomes fish, a key of the agent without IdentitiesOnly'),
  host8: there('IPv6 alone, known_hosts that is hashed and elsewhere'),
  host9: there('HostKeyAlias and HostKeyAlgorithms, an old key of another kind is known too'),
  host10: there('ProxyCommand, a banner, no terminals, a disk of its own, umask 077, /tmp noexec'),
  host11: there('ForceCommand, and a uid that no name belongs to'),
  host12: {
    what: 'another host key than the known one',
    expected: 'host-key-changed',
    ssh: 'out',
    words: /^host12: Its host key is not the one that is known/,
  },
  host13: {
    what: 'off',
    expected: 'host-unreachable',
    ssh: 'out',
    words: /^host13: There is no way to it in the network/,
  },
  host14: {
    what: 'accepts, and says nothing',
    expected: 'host-timeout',
    ssh: 'out',
    words: /^host14: It does not answer in time/,
  },
  host15: {
    what: 'keyboard-interactive alone',
    expected: 'host-typing',
    ssh: 'out',
    words: /^host15: It takes no key alone: something has to be typed.*keyboard-interactive/,
  },
  host16: {
    what: 'AllowUsers of others',
    expected: 'host-auth',
    ssh: 'out',
    words: /^host16: It does not let you in: none of your keys is accepted.*publickey/,
  },
};

/** What no library of ours can do is said of its host where the library was asked for by name. */
export const onlyWithSystem = {
  host4: { expected: 'needs-openssh', words: /^host4: .*a certificate.*transport=ssh2/ },
};

/** How `ssh` itself fails: whatever it says, ours must name the same cause. */
export const causes = {
  'host-key-changed': /has changed/,
  'host-unreachable': /No route to host/,
  'host-timeout': /timed out/,
  'host-typing': /Permission denied \(keyboard-interactive\)/,
  'host-auth': /Permission denied \(publickey\)/,
  'host-refused': /Connection refused/,
  'host-key-unknown': /Host key verification failed/,
};
