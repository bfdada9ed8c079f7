# Sourced by varied.sh: the keys, and what is peculiar to each host.

make_keys() {
  key plain -t ed25519 -N ''
  key wrong -t ecdsa -N ''
  key rsa -t rsa -b 2048 -N ''
  key ecdsa -t ecdsa -N ''
  key locked -t ed25519 -N ''
  key held -t ed25519 -N ''
  key gate1 -t ecdsa -N ''
  key gate2 -t rsa -b 3072 -N ''
  key certified -t ed25519 -N ''
  key authority -t ed25519 -N ''
  ssh-keygen -q -s "$varied_folder/keys/authority" -I certified -n "$person" "$varied_folder/keys/certified.pub"
  mv "$varied_folder/keys/certified-cert.pub" "$varied_folder/keys/elsewhere.pub"
}

make_hosts() {
  local keys=$varied_folder/keys name
  for name in 1 2 3 4 6 7 11 13 14 15 16; do knows "host$name" "host$name"; done
  does host0 'ip addr add fd00:124::10/64 dev eth0 nodad'

  # bash that prints without ending its line; umask 027; it is no gate to others.
  home host1 /bin/bash <<'FILES'
== .bashrc
printf '\033]0;%s\007' "$HOSTNAME"
umask 027
FILES
  opens host1 plain
  sshd host1 'AllowTcpForwarding no'
  says 'Host host1' "  IdentityFile $keys/plain"

  # dash, ~/.ssh/rc that prints without ending its line, a key of RSA behind a wrong one, two tries.
  home host2 /bin/dash <<'FILES'
== .ssh/rc
printf 'rc of host2'
FILES
  opens host2 rsa
  sshd host2 'MaxAuthTries 2'
  says 'Host host2' "  IdentityFile $keys/wrong" "  IdentityFile $keys/rsa"

  # The C shell of BSD that prints, a TMPDIR that is not there, a key of ECDSA.
  home host3 /bin/bsd-csh <<'FILES'
== .cshrc
echo "welcome to host3"
setenv TMPDIR /nonexistent/tmp
FILES
  opens host3 ecdsa
  says 'Host host3' "  IdentityFile $keys/ecdsa"

  # tcsh that leaves a child on the streams, a key with a certificate.
  home host4 /bin/tcsh <<'FILES'
== .tcshrc
( sleep 600 & )
FILES
  sshd host4 "TrustedUserCAKeys $keys/authority.pub" 'AuthorizedKeysFile none'
  says 'Host host4' "  IdentityFile $keys/certified" "  CertificateFile $keys/elsewhere.pub"

  # fish that prints, behind two gates with users, ports and keys of their own; it cannot reach the controller.
  home host5 /usr/bin/fish <<'FILES'
== .config/fish/config.fish
echo -n "fish of host5"
FILES
  opens host5 plain
  lives host5 22 10.125.0.15/24
  does host5 'ip addr del 10.124.0.15/24 dev eth0'
  knows behind host5
  says 'Host host5' '  HostName 10.125.0.15' '  HostKeyAlias behind' "  IdentityFile $keys/plain" '  ProxyJump gate1,gate2'

  # zsh that prints from its .zshenv, an agent of ten keys that holds an encrypted one, of which the public half is named.
  home host6 /bin/zsh <<'FILES'
== .zshenv
printf '%s' 'zsh of host6'
FILES
  opens host6 locked
  sshd host6 'MaxAuthTries 2'
  says 'Host host6' "  IdentityFile $keys/locked.pub"

  # bash that becomes another shell, a key of the agent among others.
  home host7 /bin/bash <<'FILES'
== .bashrc
exec fish
FILES
  opens host7 held
  says 'Host host7' "  IdentityFile $keys/held" '  IdentitiesOnly no'

  # IPv6 alone, known by a hashed name.
  home host8 /bin/bash </dev/null
  opens host8 plain
  lives host8 22 fd00:124::18/64
  does host8 'ip -4 addr flush dev eth0'
  printf 'fd00:124::18 %s\n' "$(public host8)" >"$varied_folder/known8"
  ssh-keygen -q -H -f "$varied_folder/known8" >/dev/null 2>&1
  rm -f "$varied_folder/known8.old"
  says 'Host host8' '  HostName fd00:124::18' "  IdentityFile $keys/plain" "  UserKnownHostsFile $varied_folder/known8"

  # Three keys of the host, of which an old one is known too: it is asked for the other kind, under another name.
  home host9 /bin/bash </dev/null
  opens host9 plain
  ssh-keygen -q -t rsa -b 2048 -N '' -C host9 -f "$state/hosts/host9/hostkey-rsa"
  sshd host9 "HostKey $state/hosts/host9/hostkey-rsa"
  { printf "nine %s\n" "$(public host10)"; printf "nine %s\n" "$(cut -d' ' -f1,2 "$state/hosts/host9/hostkey-rsa.pub")"; } >"$varied_folder/known9"
  says 'Host host9' "  IdentityFile $keys/plain" '  HostKeyAlias nine' '  HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256' "  UserKnownHostsFile $varied_folder/known9"

  # A command in place of a connection, a banner, no terminals, a disk of its own, umask 077, a /tmp where nothing can be run.
  home host10 /bin/bash <<'FILES'
== .bashrc
umask 077
FILES
  opens host10 plain
  printf 'Authorized use only.\n' >"$state/hosts/host10/banner"
  sshd host10 'PermitTTY no' "Banner $state/hosts/host10/banner"
  lives host10 22 10.126.0.20/24
  does host10 "mount -t tmpfs -o mode=1777 private $shared" 'mount -o remount,noexec /tmp'
  knows 10.126.0.20 host10
  says 'Host host10' '  HostName 10.126.0.20' "  IdentityFile $keys/plain" "  ProxyCommand ssh -F $varied_folder/config -W [%h]:%p gate1"

  # A command that is forced: what runs there has a number that no name belongs to.
  home host11 /bin/bash </dev/null
  opens host11 plain
  # shellcheck disable=SC2016 # that shell's
  sshd host11 'ForceCommand exec unshare --user --map-user=4242 /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
  says 'Host host11' "  IdentityFile $keys/plain"

  # Another key than the one that is known.
  knows host12 host13
  opens host12 plain
  # Off; accepts and says nothing; wants to be typed at; lets others in.
  opens host13 plain
  # shellcheck disable=SC2016 # Perl's
  does host14 'exec perl -MIO::Socket::INET -e '\''$s = IO::Socket::INET->new(LocalPort => 22, Listen => 50, ReuseAddr => 1); push @c, $s->accept while 1'\'
  sshd host15 'PubkeyAuthentication no' 'KbdInteractiveAuthentication yes' 'UsePAM yes'
  opens host16 plain
  sshd host16 'AllowUsers hpc2'
  says 'Host host12 host13 host14 host15 host16' "  IdentityFile $keys/plain"

  # gate1 is another user's there, gate2 is seen by gate1 alone.
  cp "$keys/gate1.pub" "$state/hosts/host17/authorized_keys"
  cp "$keys/gate2.pub" "$state/hosts/host18/authorized_keys"
  for name in host17 host18; do sshd $name "AuthorizedKeysFile $state/hosts/$name/authorized_keys"; done
  lives host17 2201 10.126.0.27/24
  lives host18 2202 10.126.0.28/24 10.125.0.28/24
  knows first host17
  knows '[10.126.0.28]:2202' host18
  says 'Host gate1' '  HostName 10.124.0.27' '  Port 2201' '  User hpc2' "  IdentityFile $keys/gate1" '  HostKeyAlias first' \
    'Host gate2' '  HostName 10.126.0.28' '  Port 2202' "  IdentityFile $keys/gate2"
}
