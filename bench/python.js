// Unmodified ipyparallel, its client and four engines, with its own controller and with ours, in turns:
// medians. Round trips are measured with all clusters up at once, the rest with one. Needs Debian's
// python3-ipyparallel and python3-numpy. node bench/python.js [rounds]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { median } from './median.js';

const rounds = Number(process.argv[2] ?? 5);
const root = resolve(import.meta.dirname, '..');
const python = '/usr/bin/python3';

/** How each kind of cluster is started; `word` names the processes of its controller. */
const kinds = {
  'theirs, plain': { word: 'ipyparallel.controller', start: theirs },
  'ours, plain': { word: 'ipcontroller', start: (run) => direct(run, '--gateway', 'plain') },
  'by a node, plain': { word: 'ipcontroller', start: (run) => supervised(run, '--gateway', 'plain') },
  'theirs, CURVE': { word: 'ipyparallel.controller', start: theirs, env: { IPP_ENABLE_CURVE: '1' } },
  'ours, CURVE': { word: 'ipcontroller', start: (run) => direct(run) },
  'by a node, CURVE': { word: 'ipcontroller', start: (run) => supervised(run) },
};

/** IPython's own command. */
function theirs({ launch }) {
  launch(python, '-m', 'ipyparallel.cluster', 'start', '-n', '4', '--daemonize');
}

/** Our controller, and engines that connect to its gateway by themselves. */
function direct({ launch }, ...flags) {
  launch(process.execPath, join(root, 'bin/ipcontroller'), ...flags);
  for (let count = 0; count < 4; count++) launch(python, '-m', 'ipyparallel.engine');
}

/** Our command: a supervisor with a gateway of its own. */
function supervised({ launch }, ...flags) {
  launch(
    process.execPath,
    join(root, 'bin/ipcluster'),
    'start',
    '-n',
    '4',
    '-d',
    '--engine',
    'python',
    '--python',
    python,
    ...flags,
  );
}

/** Ends everything that carries the mark of a run. */
function end(folder) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`IPCLUSTER_BENCH=${folder}`))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended, or is somebody else's.
    }
  }
}

/** Starts a cluster of that kind in a folder of its own. */
function open({ start, env = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'ipcluster-bench-'));
  const all = { ...process.env, ...env, IPYTHONDIR: folder, HOME: folder, IPCLUSTER_BENCH: folder };
  const began = Date.now() / 1000;
  start({
    launch: (program, ...args) => spawn(program, args, { env: all, stdio: 'ignore', detached: true }).unref(),
  });
  return {
    env: all,
    profile: join(folder, 'profile_default'),
    began,
    close() {
      end(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What a program of Python's prints. */
function ask(env, file, ...args) {
  const said = execFileSync(python, ['-W', 'ignore', join(import.meta.dirname, file), ...args], {
    encoding: 'utf8',
    env,
    timeout: 180_000,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(said);
}

function session(kind) {
  const cluster = open(kind);
  try {
    return ask(cluster.env, 'python_session.py', cluster.profile, String(cluster.began), kind.word);
  } finally {
    cluster.close();
  }
}

/** Round trips by all kinds in turns, in milliseconds. */
function trips() {
  const clusters = [];
  const files = [];
  try {
    for (const [name, kind] of Object.entries(kinds)) {
      clusters.push(open(kind));
      files.push(`${name}=${join(clusters.at(-1).profile, 'security/ipcontroller-client.json')}`);
      // One after another: engines of IPython give up where registering takes long.
      ask(process.env, 'python_trips.py', '0', files.at(-1));
    }
    return ask(process.env, 'python_trips.py', '15', ...files);
  } finally {
    for (const cluster of clusters) cluster.close();
  }
}

const results = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, kind] of Object.entries(kinds)) results[name].push(session(kind));
  for (const [name, trip] of Object.entries(trips())) results[name].at(-1).trip = trip;
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}

/** What it is called, its unit, how it is taken from a run, and whether less of it is better.
 * @type {[string, string, (run: any) => number, boolean][]} */
const rows = [
  ['start until `len(rc) == 4`', 's', (one) => one.start, true],
  ['direct round trip, p50', 'ms', (one) => one.trip, true],
  ['balanced tasks', 'tasks/s', (one) => one.tasks, false],
  ['push of 16 MiB to 4 engines', 's', (one) => one.push, true],
  ['controller, idle: RSS', 'MB', (one) => one.memory.rss, true],
  ['controller, idle: PSS', 'MB', (one) => one.memory.pss, true],
  ['controller, after load: RSS', 'MB', (one) => one.after.rss, true],
  ['gateway of the node, idle: RSS', 'MB', (one) => one.gateway.rss, true],
];
const names = Object.keys(kinds);
process.stdout.write(
  `| what | ${names.join(' | ')} | ours / theirs, plain | ours / theirs, CURVE ` +
    `|\n|${'---|'.repeat(names.length + 3)}\n`,
);
for (const [what, unit, pick, lower] of rows) {
  const value = Object.fromEntries(names.map((name) => [name, median(results[name].map(pick))]));
  const ratio = (way) => {
    const [peer, own] = [value[`theirs, ${way}`], value[`ours, ${way}`]];
    return peer > 0 && own > 0 ? `${(lower ? peer / own : own / peer).toFixed(2)}×` : '-';
  };
  process.stdout.write(
    `| ${what} | ${names.map((name) => (value[name] > 0 ? `${value[name].toFixed(2)} ${unit}` : '-')).join(' | ')} | ${ratio('plain')} | ${ratio('CURVE')} |\n`,
  );
}
