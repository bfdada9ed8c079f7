// Environments as people have them, and what must come of each. `before` are lines of the user's shell,
// `within` runs "$INNER" (start, task, stop) somewhere, `task` is what the task does. `by` says what differs
// for a launcher, `not` by which it cannot be.
const good = (text) => new RegExp(`^(?:ipcluster map?: .*\\n)*${text}\\ncode 0$`, 'm');
const hosts = ['ssh2', 'openssh'];
const elsewhere = [...hosts, 'slurm'];
/** On another host a login has its own limits, mask and language: those of the user there. */
const login = (expected, text) =>
  Object.fromEntries(hosts.map((name) => [name, { expected, right: good(text) }]));
/** An ordinary user of no list, in a home of his. */
const stranger = (more = '') =>
  'mkdir -p "$HERE/u" && chown 12345:12345 "$HERE/u" && cd "$HERE/u" && setpriv --reuid 12345 --regid ' +
  `12345 --clear-groups env -i PATH="$PATH" HOME="$HERE/u" ${more} bash -c "$INNER"`;
/** In a mount namespace of its own. */
const mounted = (lines) => `unshare -m --propagation private bash -c '${lines}; bash -c "$INNER"'`;
const fine = { expected: 'it starts, runs, stops', right: good('umask \\d+') };
const shells = [
  '/usr/bin/csh',
  '/usr/bin/tcsh',
  '/usr/bin/fish',
  '/usr/bin/dash',
  '/usr/bin/zsh',
  '/nonexistent/shell',
];

export const rows = [
  { name: 'SIGHUP and SIGINT ignored', before: `trap '' HUP INT`, ...fine },
  ...['0002', '0077'].map((mask) => ({
    name: `umask ${mask}`,
    before: `umask ${mask}`,
    expected: `the task has umask ${mask}`,
    right: good(`umask ${mask}`),
    by: login('the task has the umask of the login there', 'umask 0022'),
  })),
  {
    name: 'the folder one is in is gone',
    before: 'mkdir gone; cd gone; rmdir ../gone',
    expected: 'refused by name',
    right: /The folder that you are in has been removed[\s\S]*code 2/,
  },
  {
    name: 'the task is in the folder one is in',
    before: 'mkdir in; cd in',
    task: 'pwd',
    expected: 'that folder',
    right: good('\\S+/in'),
  },
  {
    name: 'LC_ALL=C',
    before: 'export LC_ALL=C',
    task: 'echo "$LC_ALL" "$(printf "caf\\351" | od -An -tx1)"',
    expected: 'the task has it, and bytes are bytes',
    right: good('C  63 61 66 e9'),
    by: login('bytes are bytes', '.* 63 61 66 e9'),
  },
  {
    name: 'LANG of Latin-1',
    before: 'export LANG=de_DE.ISO-8859-1',
    task: 'printf "caf\\351\\n"',
    expected: 'the byte as it is',
    right: good('caf\\xe9'),
  },
  {
    name: 'ulimit -n 256',
    before: 'ulimit -n 256',
    task: 'ulimit -n',
    expected: 'it starts; the task has that limit',
    right: good('256'),
    by: login('the limit of the login there', '\\d+'),
  },
  {
    name: 'ulimit -f small',
    before: 'ulimit -f 64',
    task: 'ulimit -f',
    expected: 'it starts; the task has that limit',
    right: good('(64|128)'),
    by: login('the limit of the login there', '\\w+'),
  },
  {
    name: 'ulimit -u small',
    within: `ulimit -u 60; ${stranger()}`,
    not: elsewhere,
    expected: 'it starts, or the limit is said',
    right: /umask \d+\ncode 0|processes|ulimit -u/,
  },
  { name: 'a user in no list', within: stranger(), not: elsewhere, ...fine },
  {
    name: 'env -i with PATH and IPYTHONDIR alone',
    within: `cd "$HERE"; env -i PATH="$PATH" IPYTHONDIR="$HERE" bash -c "$INNER"`,
    not: [...elsewhere],
    ...fine,
  },
  {
    name: 'no SHELL, USER, LOGNAME, TMPDIR, TERM, LANG',
    before: 'unset SHELL USER LOGNAME TMPDIR TERM LANG',
    ...fine,
  },
  {
    name: 'HOME that cannot be written',
    within: stranger('HOME=/'),
    not: elsewhere,
    expected: 'refused, the folder by its name',
    right: /\/\.ipython\S* cannot be made[\s\S]*code 2/,
  },
  { name: 'TMPDIR that is missing', before: 'export TMPDIR=/nonexistent2/dir', ...fine },
  { name: 'TMPDIR of 130 bytes', before: `export TMPDIR=$(printf '/tmp/%0125d' 0)`, ...fine },
  {
    name: 'TMPDIR that is full',
    within: mounted(
      'mkdir -p "$HERE/t"; mount -t tmpfs -o size=16k,mode=1777 tmpfs "$HERE/t"; head -c 1M /dev/zero ' +
        '>"$HERE/t/z" 2>/dev/null; export TMPDIR="$HERE/t"',
    ),
    not: elsewhere,
    expected: 'it starts, or the full folder is said',
    right: /umask \d+\ncode 0|no space|full/i,
  },
  {
    name: '/dev/shm that is full',
    within: mounted(
      'mount -t tmpfs -o size=16k,mode=1777 tmpfs /dev/shm; head -c 1M /dev/zero >/dev/shm/z 2>/dev/null',
    ),
    not: elsewhere,
    ...fine,
  },
  {
    name: '/dev/shm that cannot be written',
    within: mounted('mount -t tmpfs -o ro tmpfs /dev/shm'),
    not: elsewhere,
    ...fine,
  },
  {
    name: 'NODE_OPTIONS',
    before: `export NODE_OPTIONS='--trace-warnings --max-old-space-size=400'`,
    ...fine,
  },
  {
    name: 'NODE_OPTIONS with a debugger',
    before: `export NODE_OPTIONS='--inspect=127.0.0.1:0'`,
    ...fine,
    right: /umask \d+\n[\s\S]*code 0$/m,
  },
  {
    name: 'a PATH without the usual folders',
    before: 'export PATH=/nonexistent',
    not: ['slurm', ...hosts],
    task: ':; echo "umask $(umask)"',
    expected: 'it starts, or says which program is missing',
    right: /umask \d+\ncode 0|there is no such program/,
  },
  {
    name: 'proxies',
    before:
      'for v in http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; do export ' +
      '$v=http://127.0.0.1:9; done',
    ...fine,
  },
  ...shells.map((shell) => ({ name: `SHELL=${shell}`, before: `export SHELL=${shell}`, ...fine })),
];
