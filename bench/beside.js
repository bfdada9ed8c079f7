// This build beside another build of ours, in turns: `node bench/beside.js FOLDER [rounds]`; FOLDER is a
// checkout that is built.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { median } from './median.js';

const root = resolve(import.meta.dirname, '..');
const other = resolve(process.argv[2] ?? '.');
const rounds = Number(process.argv[3] ?? 5);

/** One session of that build, and the small steps on a cluster of its own, in a program of its own. */
function measure(folder) {
  const home = mkdtempSync(join(tmpdir(), 'bench-beside-'));
  const source = `
    import { execFileSync } from 'node:child_process';
    import { session } from '${folder}/bench/session.js';
    import { small } from '${root}/bench/small.js';
    import * as ours from '${folder}/dist/index.js';
    const result = await session();
    const run = (...args) => execFileSync('${folder}/bin/ipcluster', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    const { connectionFile } = JSON.parse(run('start', '-n', '1', '-d', '--json'));
    Object.assign(result, await small(ours, connectionFile));
    run('stop');
    console.log(JSON.stringify(result));`;
  try {
    const env = { ...process.env, IPYTHONDIR: home };
    return JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', source], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const [ours, theirs] = [[], []];
for (let round = 0; round < rounds; round++) {
  // Who goes first takes turns, too.
  const turns = [() => ours.push(measure(root)), () => theirs.push(measure(other))];
  for (const turn of round % 2 ? turns.reverse() : turns) turn();
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}

/** What it is called, its unit, how it is taken from a run, and whether more of it is better.
 * @type {[string, string, (run: any) => number, boolean?][]} */
const rows = [
  ['start until the first answer of 4 engines', 's', (r) => r.start],
  ['no-op balanced tasks', 'tasks/s', (r) => r.tasks, true],
  ['direct no-op apply, p50', 'ms', (r) => r.direct],
  ['push 16 MiB to 4 engines, this host', 'MiB/s', (r) => r.push, true],
  ['push 16 MiB to 4 engines, client over TLS', 'MiB/s', (r) => r.pushTls, true],
  ['controller, idle: RSS', 'MB', (r) => r.idle.controller.rss],
  ['controller, after load: RSS', 'MB', (r) => r.loaded.controller.rss],
  ['engine and its share, idle: RSS', 'MB', (r) => r.idle.engine.rss],
  ['engine and its share, after load: RSS', 'MB', (r) => r.loaded.engine.rss],
  ['map of 2,000 × true', 's', (r) => r.map],
  ['connect, Unix socket', 'ms', (r) => r.connect],
  ['connect, TLS', 'ms', (r) => r.connectTls],
  ['apply to 1 MiB, copied, this host', 'ms', (r) => r.copied],
  ['apply to 1 MiB, given away, this host', 'ms', (r) => r.given],
  ['apply to 1 MiB, copied, TLS', 'ms', (r) => r.copiedTls],
  ['apply to 1 MiB, given away, TLS', 'ms', (r) => r.givenTls],
];
const shown = (value, unit) => (value === undefined ? '–' : `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`);
process.stdout.write('| what | the other build | this one | this one is |\n|---|---|---|---|\n');
for (const [what, unit, pick, moreIsBetter] of rows) {
  const [us, them] = [median(ours.map(pick)), median(theirs.map(pick))];
  const worse = moreIsBetter ? them / us : us / them;
  const verdict = Number.isFinite(worse)
    ? worse > 1
      ? `${((worse - 1) * 100).toFixed(1)} % worse`
      : `${((1 / worse - 1) * 100).toFixed(1)} % better`
    : '';
  process.stdout.write(`| ${what} | ${shown(them, unit)} | ${shown(us, unit)} | ${verdict} |\n`);
}
process.stdout.write(`\nMedians of ${rounds} rounds in turns; Node ${process.version}.\n`);
