// Machines, folders and shells as people have them, on this machine alone.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const bin = `${process.cwd()}/bin`;
/** Our programs as a shell finds them. */
const path = `PATH='${bin}':"$PATH"`;
const words = ({ out, wrong }) => `${out}${wrong}`.trim();
const gib = 2 ** 30;

/** A program under nohup, hung up upon and then told to end. */
const hungUp = (program, before = '') => ({
  name: `10 nohup ${program}`,
  expected: 'it lives when its terminal goes; told to end, it ends',
  quick: true,
  cluster: false,
  async run(scene) {
    const security = scene.bed.path('security');
    const { out } = await scene.shell(`unset -f ipcluster; ${path}
      ${before.replaceAll('SECURITY', security)}
      nohup ${program.replaceAll('SECURITY', security)} >o 2>&1 & pid=$!
      sleep 2.5; kill -HUP $pid; sleep 1; kill -0 $pid && echo lives; kill -TERM $pid; wait $pid; echo "ended $?"; kill %1 2>/dev/null; wait`);
    scene.is('it', out.trim().split('\n').slice(0, 2).join(', '), /^lives, ended (0|130)$/);
  },
});
const controllerFirst = 'ipcontroller & until [ -s SECURITY/ipcontroller-client.json ]; do sleep 0.1; done';

/** A line as a user that is in no list, whose environment is only that. */
const stranger = (name, env, line, expected, right) => ({
  name: `11 a user in no list: ${name}`,
  expected,
  quick: true,
  cluster: false,
  async run(scene) {
    const folder = join(scene.bed.folder, 'x');
    mkdirSync(folder);
    chownSync(folder, 12345, 12345);
    chmodSync(scene.bed.folder, 0o711);
    const said = await scene.shell(
      `cd x && setpriv --reuid 12345 --regid 12345 --clear-groups env -i ${path} ` +
        `${env.replaceAll('HERE', folder)} bash -c '${line}; echo "code $?"'`,
    );
    scene.is('said', words(said), right);
    scene.is('a stack is shown', /\n {4}at /.test(said.wrong), false);
  },
});
const run =
  'ipcluster start -n 1 -d >/dev/null && ipcluster exec "process.getuid()" && ipcluster stop >/dev/null';

const temporary = (name, value) => ({
  name: `12 TMPDIR ${name}`,
  expected: 'it starts and runs; no socket lies beside',
  quick: true,
  cluster: false,
  async run(scene) {
    const said = await scene.shell(
      `export TMPDIR='${value}'; ipcluster start -n 1 -d >/dev/null && ipcluster exec 6*7 && ipcluster ` +
        'stop >/dev/null; echo "code $?"',
    );
    scene.is('said', words(said), /^.*42\s+code 0$/s);
    scene.is(
      'a socket with a cut name',
      spawnSync('sh', ['-c', 'ls /tmp/*.s /tmp/*.sock /tmp/*ttt* 2>/dev/null']).stdout.toString(),
      '',
    );
  },
});

/** A folder that is not there, where somebody wants to work. */
const noFolder = (name, line, right) => ({
  name: `13 ${name}`,
  expected: 'refused with code 2 and its name, before anything is started',
  quick: true,
  cluster: false,
  async run(scene) {
    const said = await scene.shell(`${line}; echo "code $?"`);
    scene.is('said', words(said), right);
    scene.is('processes', scene.bed.processes().length, 0);
  },
});

export const rows = [
  {
    name: '1 exec of 3 MB into a pipe',
    expected: 'every byte, like into a file',
    quick: true,
    async run(scene) {
      const line = (end) => `ipcluster exec --targets 0 'process.stdout.write("y".repeat(3e6)); 1' ${end}`;
      scene.is('wc', (await scene.shell(line('| tr -cd y | wc -c'))).out.trim(), '3000000');
      scene.is(
        'a slow reader',
        (await scene.shell(line('| (sleep 2; tr -cd y | wc -c)'))).out.trim(),
        '3000000',
      );
    },
  },
  {
    name: '1 map --json of 2000 tasks into a pipe',
    expected: 'JSON, whole',
    quick: true,
    async run(scene) {
      const line =
        `ipcluster map --json -- echo {} ::: $(seq 2000) | node -e 'let ` +
        `t="";process.stdin.on("data",(c)=>t+=c).on("end",()=>console.log(Object.keys(JSON.parse(t)).length>0,t.length>300000))'`;
      scene.is('read', (await scene.shell(line)).out.trim(), 'true true');
    },
  },
  hungUp('ipcluster start -n 1'),
  hungUp('ipcontroller'),
  hungUp('ipengine -n 1', controllerFirst),
  hungUp('ipgateway --controller SECURITY/ipcontroller-client.json --file SECURITY/g.json', controllerFirst),
  stranger('HOME alone', "HOME='HERE'", run, 'starts, runs, stops', /12345\s+code 0$/),
  stranger('IPYTHONDIR alone', "IPYTHONDIR='HERE/i'", run, 'starts, runs, stops', /12345\s+code 0$/),
  stranger('an empty SHELL', "HOME='HERE' SHELL=", run, 'starts, runs, stops', /12345\s+code 0$/),
  stranger(
    'no home',
    'A=1',
    'ipcluster start -n 1 -d',
    'a sentence, what to set, code 2',
    /^code 2\s+ipcluster: .*HOME is not set, and no list of users has 12345\.\s+try: .*HOME.*IPYTHONDIR/s,
  ),
  stranger(
    'no home, ipengine',
    'A=1',
    'ipengine',
    'a sentence, what to set, code 2',
    /^code 2\s+ipengine: .*HOME is not set/s,
  ),
  stranger(
    'HOME=/',
    'HOME=/',
    'ipcluster start -n 1 -d',
    'the folder by its name, code 2',
    /^code 2\s+ipcluster: \/\.ipython\S* cannot be made/s,
  ),
  temporary('of 130 bytes', `/tmp/${'t'.repeat(124)}`),
  temporary('that is missing', '/nonexistent2/dir'),
  temporary('that is relative', 'here'),
  temporary('that is a file', '/etc/passwd'),
  noFolder(
    '-o cwd',
    'ipcluster start -n 1 -d -o cwd=/nonexistent',
    /^code 2\s+ipcluster: -o cwd is "\/nonexistent", but there is no folder \/nonexistent\./,
  ),
  noFolder(
    '-o cwd=~/…',
    'ipcluster start -n 1 -d -o cwd=~/nonexistent',
    /^code 2\s+ipcluster: -o cwd is .*there is no folder \S+\/nonexistent\./,
  ),
  noFolder(
    'ipengine --work-dir',
    `unset -f ipengine; '${bin}/ipengine' -n 1 --work-dir /nonexistent`,
    /^code 2\s+ipengine: --work-dir is "\/nonexistent", but there is no folder \/nonexistent on /,
  ),
  noFolder(
    'the folder that one is in was removed',
    `mkdir gone; cd gone; rmdir ../gone; unset -f ipcluster; '${bin}/ipcluster' start -n 1 -d`,
    /^code 2\s.*ipcluster: The folder that you are in has been removed\./s,
  ),
  {
    name: '13 a task whose folder was removed',
    expected: 'said by the name of the folder',
    quick: true,
    async run(scene) {
      const said = await scene.shell(
        'mkdir gone; cd gone; rmdir ../gone; cd - >/dev/null; mkdir gone; cd gone; (sleep 1; rmdir ' +
          '../gone) & ipcluster map -- sh -c "sleep 0.1; echo {}" ::: $(seq 30)',
      );
      scene.is('said', said.wrong, /there is no folder \S+\/gone/);
    },
  },
  {
    name: '15 2 GiB as a result',
    expected: 'it comes, or it is refused with its size and the limit; the engine answers',
    async run(scene) {
      const view = scene.client.direct(0);
      const half = await scene.ends(
        view.apply(() => new Uint8Array(2 ** 31).fill(7)).then((value) => `${value.length} ${value.at(-1)}`),
        90_000,
      );
      scene.is('2 GiB', half, `${2 * gib} 7`);
      scene.is(
        '5 GB',
        await scene.ends(
          view.apply(() => [new Uint8Array(2 ** 31), new Uint8Array(3e9)]),
          90_000,
        ),
        /TOO_LARGE.* of 51\d+ bytes is too large to be sent: 429\d+ is the most/,
      );
      scene.is('next', await scene.ends(view.apply(() => 6 * 7)), 42);
    },
  },
  {
    name: '15 more than can be sent is pushed',
    expected: 'refused here with its size and the limit, before it is sent',
    async run(scene) {
      const view = scene.client.direct(0);
      const large = new Uint8Array(2 ** 31);
      scene.is(
        '5 GB',
        await scene.ends((async () => view.push({ x: large, y: new Uint8Array(3e9) }))()),
        /TOO_LARGE: A value of 51\d+ bytes is too large to be sent: 429\d+ is the most/,
      );
      scene.is('next', await scene.ends(view.apply(() => 6 * 7)), 42);
    },
  },
  {
    name: '16 100 MiB printed in one loop',
    expected: 'what was dropped is said at that request, nothing of it at the next',
    quick: true,
    async run(scene) {
      const first = await scene.shell(
        `ipcluster exec --targets 0 'for (let i = 0; i < 1e6; i++) console.log("x".repeat(100)); 1' ` +
          '>out; echo "code $?"',
      );
      scene.is('the first', words(first), /dropped/);
      const second = await scene.shell('ipcluster exec --targets 0 6*7');
      scene.is('the second', words(second), /^(?!.*dropped).*42$/s);
    },
  },
  {
    name: '16 a task that prints 1 GB',
    expected: 'every byte and its exit code',
    async run(scene) {
      const said = await scene.shell(
        'ipcluster map --joblog log -- sh -c \'head -c 1000000000 /dev/zero | tr "\\0" x; exit 3\' ::: ' +
          'a | wc -c; cut -f7 log | tail -1',
        120_000,
      );
      scene.is('bytes and exit code', said.out, '1000000000\n3\n');
    },
  },
  {
    name: '24 catch and finally of a result',
    expected: 'they are there, as a promise has them',
    quick: true,
    async run(scene) {
      const view = scene.client.direct(0);
      scene.is(
        'catch',
        await scene.ends(view.pull('none_such').catch(({ code }) => `caught ${code}`)),
        'caught REMOTE',
      );
      let over = 0;
      scene.is('finally', await scene.ends(view.apply(() => 1).finally(() => (over += 1))), 1);
      scene.is('called', over, 1);
    },
  },
  {
    name: '26 a URL as a result, and as an argument',
    expected: 'refused by name; the engine answers',
    quick: true,
    async run(scene) {
      const view = scene.client.direct(0);
      scene.is(
        'a result',
        await scene.ends(view.apply(() => ({ a: [new URL('http://x/')] }))),
        /of a URL only \{\} would arrive/,
      );
      scene.is(
        'an argument',
        await scene.ends((async () => view.apply((url) => String(url), new URL('http://x/')))()),
        /^NOT_CLONEABLE: .*of a URL only \{\} would arrive/,
      );
      scene.is('an empty object', await scene.ends(view.apply(() => ({ a: {}, b: [] }))), { a: {}, b: [] });
    },
  },
  ...[
    ['a word that Open MPI does not know', 'localhost slots=2 foo=bar'],
    ['two lines with slots for one host', 'localhost slots=1\\nlocalhost slots=1'],
  ].map(([what, text]) => ({
    name: `23 a hostfile of mpirun: ${what}`,
    expected: 'mpi-hostfile, in words, not a rule of dashes',
    quick: true,
    cluster: false,
    async run(scene) {
      if (!existsSync('/usr/bin/mpirun')) return scene.is('mpirun', 'not installed', 'not installed');
      const line =
        `printf '${text}\\n' >hf; export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; ` +
        'ipcluster start --launcher mpi -o hostfile=hf -n 2 -d; echo "code $?"';
      scene.is('said', words(await scene.shell(line)), /^code 1\s.*mpirun cannot read the hostfile\./s);
    },
  })),
];
