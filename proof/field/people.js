// The first hours of new users: what they typed, and what has to be said to it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesIn, unfilled } from './tips.js';

const words = ({ out, wrong }) => `${out}${wrong}`.trim();
const ended = async (scene, line) => words(await scene.shell(`{ ${line}\n} 2>&1; echo "code $?"`));

/** A line with a fault in its words. */
const refused = (name, line, expected, right) => ({
  name,
  expected,
  quick: true,
  cluster: false,
  async run(scene) {
    scene.is('said', await ended(scene, line), right);
    scene.is('processes', scene.bed.processes().length, 0);
  },
});

/** A line on a cluster of two engines. */
const said = (name, line, expected, right) => ({
  name,
  expected,
  quick: true,
  async run(scene) {
    scene.is('said', await ended(scene, line), right);
  },
});

const help = (line, first) =>
  refused(`B ${line}`, line, 'its help, code 0', new RegExp(`^${first}[\\s\\S]*USAGE[\\s\\S]*code 0$`));

export const rows = [
  help('ipcluster help', 'N engines'),
  help('ipcluster help start', 'start a controller'),
  help('ipcluster start -h', 'start a controller'),
  help('ipcluster engines -h', 'add, restart'),
  help('ipcluster help engines stop', 'end engines for good'),
  refused(
    'B star',
    'ipcluster star',
    'the nearest command, code 2',
    /no command "star"; did you mean start\?[\s\S]*code 2$/,
  ),
  refused(
    'B statsu',
    'ipcluster statsu',
    'the nearest command, code 2',
    /no command "statsu"; did you mean status\?[\s\S]*code 2$/,
  ),
  refused(
    'B engines stp',
    'ipcluster engines stp',
    'the nearest command, code 2',
    /did you mean engines stop\?[\s\S]*code 2$/,
  ),
  refused(
    'B --launche',
    'ipcluster start --launche local',
    'the nearest flag, code 2',
    /has no flag --launche; did you mean --launcher\?[\s\S]*ipcluster start --help[\s\S]*code 2$/,
  ),
  refused(
    'B a launcher slrum',
    'ipcluster start --launcher slrum',
    'the nearest launcher, code 2',
    /no launcher "slrum"; did you mean slurm\?[\s\S]*code 2$/,
  ),
  refused(
    'B start 4',
    'ipcluster start 4',
    'what to write instead, code 2',
    /`ipcluster start -n 4`[\s\S]*code 2$/,
  ),
  refused(
    'B map gzip {} ::: a.gz',
    'ipcluster map gzip {} ::: a.gz',
    'the right line, code 2',
    /`ipcluster map -- gzip \{\} ::: a\.gz`[\s\S]*code 2$/,
  ),
  refused(
    'A6 engines, a flag, --json and no command',
    'ipcluster engines --profile default --json',
    'refused as JSON, code 2',
    /"code":"USAGE"[\s\S]*code 2$/,
  ),
  said('A4 {#} without {}', 'ipcluster map -k -- echo {#} ::: a b', 'the numbers alone', /^1\n2\ncode 0$/),
  said('A4 {.}', 'ipcluster map -- echo {.} ::: a.gz', 'the name without extension', /^a\ncode 0$/),
  said(
    'A4 {1} {2} of two lists',
    'ipcluster map -- echo {1} {2} ::: a b ::: x y',
    'refused, nothing is run',
    /column of the input[\s\S]*--colsep[\s\S]*code 2$/,
  ),
  said(
    'A4 {} :::+',
    'ipcluster map -- echo {} ::: a b :::+ x y',
    'refused, nothing is run',
    /one list of inputs here, and ":::\+"[\s\S]*code 2$/,
  ),
  said(
    'A5 a bar that was asked for, into a pipe',
    'ipcluster map --progress -- echo {} ::: a 2>&1 | cat -A',
    'the output alone',
    /^a\$\ncode 0$/,
  ),
  {
    name: 'A5 a bar on a terminal',
    expected: 'it is there before the first run has ended, and leaves output alone',
    quick: true,
    async run(scene) {
      const program = `'${process.execPath}' '${process.cwd()}/bin/ipcluster' map -k -- "sleep 1.5; echo out-{}" ::: a b`;
      const { out } = await scene.shell(`script -qec ${quoted(program)} /dev/null`);
      scene.is('first', out.slice(0, 80), /\[\.+\] 0\/2/);
      scene.is(
        'lines of output',
        out
          .split('\n')
          .filter((line) => line.includes('out-'))
          .map((line) => line.split('\x1b[K').at(-1).trim()),
        ['out-a', 'out-b'],
      );
    },
  },
  {
    name: 'A6 a flag between topic and command, or before it',
    expected: 'it does what it says',
    quick: true,
    async run(scene) {
      scene.is(
        'between',
        await ended(scene, 'ipcluster engines --profile default stop 0'),
        'stopped: 0\ncode 0',
      );
      scene.is(
        'before',
        await ended(scene, 'ipcluster --profile default engines restart 1'),
        'restarted: 1\ncode 0',
      );
      scene.is(
        'json',
        await ended(scene, 'ipcluster --json engines interrupt 1'),
        /^\{"outcomes":\{"1":"\w+"\}\}\ncode 0$/,
      );
    },
  },
  {
    name: 'A9 why, after engines stop and after an abort',
    expected: 'who was stopped, and how the other ended',
    quick: true,
    async run(scene) {
      await ended(scene, 'ipcluster engines stop 1');
      scene.is(
        'stopped',
        await ended(scene, 'ipcluster why'),
        /1 of 2 engines are registered; engine 1 was stopped, as somebody asked for it\. \[engines-missing\]/,
      );
      await ended(scene, "ipcluster exec --targets 0 'process.abort()'");
      await scene.client.waitForEngines(1);
      scene.is(
        'aborted',
        await ended(scene, 'sleep 2; ipcluster why'),
        /Engine 0 has been started again \(once\); the last time it had ended so: signal SIGABRT[\s\S]*`ipcluster logs --engine 0`/,
      );
    },
  },
  said(
    "B exec 'foo('",
    "ipcluster exec 'foo('",
    'once, with the engines',
    /^engines 0-1: SyntaxError:(?![\s\S]*engines? [01])[\s\S]*code 1$/,
  ),
  {
    name: 'B console.log(client)',
    expected: 'its controller and its engines',
    quick: true,
    async run(scene) {
      scene.is(
        'shown',
        words(await scene.program('console.log(client); await client.close()')),
        /^Client \{ clusterId: "", controller: \S+ \(pid \d+\), engines: \[0, 1\], open \}$/,
      );
    },
  },
  {
    name: 'B resume after a new file came',
    expected: 'the new one alone is run',
    quick: true,
    async run(scene) {
      for (const name of ['b', 'c']) writeFileSync(join(scene.bed.folder, `${name}.in`), '');
      await ended(scene, 'ipcluster map --joblog log -- echo {} ::: *.in');
      writeFileSync(join(scene.bed.folder, 'a.in'), '');
      scene.is(
        'run',
        await ended(scene, 'ipcluster map --joblog log --resume -- echo {} ::: *.in'),
        'a.in\ncode 0',
      );
    },
  },
  {
    name: 'A2 one bad item of 1000',
    expected: 'one is rejected, with its index and item; one is counted',
    quick: true,
    async run(scene) {
      const result = scene.client.balanced().map(
        (x) => {
          if (x === 500) throw new Error('odd');
          return x;
        },
        [...Array(1000).keys()],
      );
      const bad = (await result.settled()).flatMap(({ status, reason }, index) =>
        status === 'rejected' ? [[index, reason.index, reason.item]] : [],
      );
      scene.is('rejected', bad, [[500, 500, '500']]);
      scene.is('progress', result.progress, { done: 1000, failed: 1, total: 1000 });
    },
  },
  {
    name: 'A3 break out of a map, then close',
    expected: 'code 0, no words, what is left is not run',
    quick: true,
    async run(scene) {
      const source = `const { appendFileSync } = await import('node:fs');
        const slow = async (x) => { require('node:fs').appendFileSync(x.file, 'x'); await new Promise((done) => setTimeout(done, 100)); };
        const items = Array.from({ length: 80 }, () => ({ file: process.cwd() + '/ran' }));
        for await (const item of client.balanced().map(slow, items)) break;
        await client.close();`;
      const { code, out, wrong } = await scene.program(source);
      scene.is('ended', [code, out, wrong], [0, '', '']);
      const { out: ran } = await scene.shell('sleep 1; wc -c <ran');
      scene.is('few have run', Number(ran) < 20, true);
    },
  },
  {
    name: 'A1 the tip after a start with Python engines',
    expected: 'it works as it is printed, as do the others',
    quick: true,
    cluster: false,
    async run(scene) {
      const start = await scene.shell(
        'ipcluster start -n 2 -d --profile p --engine python --python /usr/bin/python3',
      );
      const [first] = linesIn(words(start));
      scene.is('tip', first, "ipcluster exec --profile p 'import os; os.getpid()'");
      scene.is('typed', await ended(scene, first), /^\[0\] \d+\n\[1\] \d+\ncode 0$/);
      scene.is(
        'stop',
        await ended(
          scene,
          linesIn(words(start)).find((line) => / stop/.test(line)),
        ),
        'stopped\ncode 0',
      );
    },
  },
  {
    name: '7 what is printed can be typed',
    expected:
      'each line between backticks works in the state in which it was printed; no placeholder is left in it',
    async run(scene) {
      const seen = new Set();
      const states = [
        'ipcluster start',
        'ipcluster status',
        'ipcluster why',
        'ipcluster star',
        'ipcluster start 4',
        'ipcluster start --launche x',
        'ipcluster start --launcher x',
        'ipcluster engines add',
        'ipcluster engines',
        'ipcluster map echo ::: a',
        'ipcluster map -- false ::: a',
        'ipcluster result nothing',
        "ipcluster exec --targets 0 'process.abort()'",
        'sleep 2; ipcluster why',
        'ipcluster status --profile none',
        'ipcluster exec --targets 9 1',
        'ipcluster logs --engine 9',
        'ipcluster map --resume -- echo',
        'ipcluster completion',
        'ipcluster config show --profile ../x',
        'ipengine --foo',
        'ipcontroller bar',
        'ipcluster engines stop 1',
        'ipcluster why',
      ];
      for (const state of states) {
        const text = words(await scene.shell(`export PATH='${process.cwd()}/bin':"$PATH"; ${state}`));
        for (const line of linesIn(text)) {
          if (unfilled(line)) scene.wrong(`${state} prints ${line}`);
          if (seen.has(line)) continue;
          seen.add(line);
          // What would end what the next state needs, or wait for ever, is read and not done.
          const typed =
            /^ipcluster (stop|nuke|kill|start)/.test(line) && !line.includes('--help') ? dry(line) : line;
          const { code, wrong } = await scene.shell(`export PATH='${process.cwd()}/bin':"$PATH"; ${typed}`);
          if (code === 2 || code === 127)
            scene.wrong(`${state} prints ${line}, which ends with ${code}: ${wrong.slice(0, 200)}`);
        }
      }
      scene.is('lines', seen.size >= 8, true);
    },
  },
];

/**
 * The same words, so that they are checked and nothing is done: a start is planned, what ends a cluster shows
 * its help.
 */
const dry = (line) =>
  line.startsWith('ipcluster start')
    ? `${line} --dry-run${line.includes('--cluster-id') ? '' : ' --cluster-id dry'}`
    : `${line} --help`;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
