# Sourced by up: hosts of which every one is different, and the configuration of ssh of somebody who gets to them with `ssh HOST`
# ($state/varied/config). host17 and host18 are gates.
varied_folder=$state/varied
person=hpc

need_shells() {
  need_packages zsh fish tcsh bsd-csh dash perl unshare -- zsh fish tcsh csh dash perl-base util-linux
}

# Lines of the user's configuration, of a host's sshd (before all others), and of what the host does before its sshd begins.
says() { printf '%s\n' "$@" >>"$varied_folder/config"; }
sshd() { local name=$1; shift; { printf '%s\n' "$@"; cat "$state/hosts/$name/sshd_config"; } >"$state/hosts/$name/new"; mv "$state/hosts/$name/new" "$state/hosts/$name/sshd_config"; }
does() { local name=$1; shift; printf '%s\n' "$@" >>"$state/hosts/$name/setup"; }

key() { # name, arguments of ssh-keygen…
  local name=$1
  shift
  ssh-keygen -q -C "$name" -f "$varied_folder/keys/$name" "$@"
}

# Only that key opens the host, for that user.
opens() { # host key
  cp "$varied_folder/keys/$2.pub" "$state/hosts/$1/authorized_keys"
  sshd "$1" "AuthorizedKeysFile $state/hosts/$1/authorized_keys"
}

# A home of the host's own, and the login shell there. What its files have in them comes from the input, behind a line "== FILE" each.
home() { # host shell
  local folder=$state/hosts/$1/home file=/dev/null line
  mkdir -p "$folder/.ssh" "$folder/.config/fish"
  while IFS= read -r line; do
    case $line in '== '*) file=$folder/${line#== } ;; *) printf '%s\n' "$line" >>"$file" ;; esac
  done
  chown -R "$person:$person" "$folder"
  sed "s|^\($person:.*:\)[^:]*\$|\1$2|" /etc/passwd >"$state/hosts/$1/passwd"
  does "$1" "mount --bind $folder /home/$person" "mount --bind $state/hosts/$1/passwd /etc/passwd"
}

# Addresses of its own in place of the bed's, at which alone its sshd listens.
lives() { # host port addresses…
  local name=$1 port=$2
  shift 2
  sed -i -e '/^ListenAddress/d' -e "s/^Port .*/Port $port/" "$state/hosts/$name/sshd_config"
  for address in "$@"; do does "$name" "ip addr add $address dev eth0 $(case $address in *:*) echo nodad ;; esac)"; done
}

public() { cut -d' ' -f1,2 "$state/hosts/$1/hostkey.pub"; }
knows() { printf '%s %s\n' "$1" "$(public "$2")" >>"$varied_folder/known"; }

. "$here/varied-hosts.sh"

start_agent() {
  local locked=$varied_folder/keys/locked index
  setpriv --reuid $person --regid $person --init-groups ssh-agent -D -a "$varied_folder/agent" >/dev/null 2>&1 </dev/null &
  echo $! >"$varied_folder/agent.pid"
  for _ in $(seq 100); do [ ! -S "$varied_folder/agent" ] || break; sleep 0.02; done
  for index in 1 2 3 4 5 6 7 8; do key "other$index" -t ed25519 -N ''; SSH_AUTH_SOCK=$varied_folder/agent ssh-add -q "$varied_folder/keys/other$index"; done
  for index in "$locked" "$varied_folder/keys/held"; do SSH_AUTH_SOCK=$varied_folder/agent ssh-add -q "$index"; done
  # On the disk it is encrypted.
  ssh-keygen -q -p -P '' -N secret -f "$locked" >/dev/null
}

vary() {
  local name
  mkdir -p "$varied_folder/keys"
  chown -R "$person:$person" "$varied_folder"
  for name in host17 host18; do
    mkdir -p "$state/hosts/$name"
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$state/hosts/$name/hostkey"
    sed "s|/hosts/host16/|/hosts/$name/|" "$state/hosts/host16/sshd_config" >"$state/hosts/$name/sshd_config"
  done
  make_keys
  make_hosts
  says 'Host *' "  UserKnownHostsFile $varied_folder/known" '  GlobalKnownHostsFile /dev/null' '  GSSAPIAuthentication no' '  IdentitiesOnly yes' \
    "  IdentityAgent $varied_folder/agent"
  start_agent
  chown -R "$person:$person" "$varied_folder"
  chmod 755 "$varied_folder"
  chmod 644 "$varied_folder/config" "$varied_folder"/known*
  for name in $(seq 0 18); do "$here/host" boot "host$name"; done
  # Those that are off, or say nothing.
  ip link set ipcs13 down
  for name in 1 2 3 4 6 7 9 11 12 15 16 17; do answers "$name"; done
  echo "ssh: host0 to host16 with gates, every one different"
}

answers() {
  local port=22
  [ "$1" != 17 ] || port=2201
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/$net.$((10 + $1))/$port") 2>/dev/null && return; sleep 0.05; done
  echo "ssh: host$1 does not answer" >&2
  return 1
}
