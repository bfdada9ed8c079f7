// Runs one file of IPython's own tests against its controller or ours, and says how each test ended.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
export const python = '/usr/bin/python3';

/** Files of tests that need a controller. */
export const files = [
  'test_client',
  'test_view',
  'test_view_broadcast',
  'test_lbview',
  'test_asyncresult',
  'test_magics',
  'test_dependency',
  'test_executor',
  'test_remotefunction',
  'test_joblib',
  'test_cluster',
];

/** A file that has not ended by then hangs (milliseconds). */
const patience = 300_000;

const endings = { failure: 'failed', error: 'error', skipped: 'skipped' };

/** How each test of a report ended, by name. */
function readReport(text) {
  const cases = [
    ...text.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs),
  ];
  return new Map(
    cases.map(([, place, name, inside = '']) => {
      const bad = Object.keys(endings).find((word) => inside.includes(`<${word}`));
      return [
        `${place.split('.').at(-1)}::${name}`,
        { ending: bad ? endings[bad] : 'passed', why: /message="([^"]*)"/.exec(inside)?.[1] ?? '' },
      ];
    }),
  );
}

/** Ends what a run has left: everything whose environment names its folder. */
function sweep(folder) {
  let count = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`IPCLUSTER_INTEROP=${folder}`)) continue;
      process.kill(Number(pid), 'SIGKILL');
      count += 1;
    } catch {
      // It has ended this moment, or is somebody else's.
    }
  }
  return count;
}

/**
 * Runs a file; `controller` is `ours` or `theirs`. Answers the tests by name, the seconds, and what pytest
 * said.
 */
export async function runFile(file, controller) {
  const folder = mkdtempSync(join(tmpdir(), 'ipcluster-interop-'));
  const report = join(folder, 'report.xml');
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, IPCLUSTER_INTEROP: folder, HOME: folder, TMPDIR: folder };
  for (const name of ['IPYTHONDIR', 'IPP_PROFILE_DIR', 'IPP_CLUSTER_ID', 'NODE_OPTIONS']) delete env[name];
  const ours = controller === 'ours';
  if (ours) {
    env.PYTHONPATH = [join(root, 'test/interop'), process.env.PYTHONPATH].filter(Boolean).join(':');
    env.IPCLUSTER_CONTROLLER = JSON.stringify([process.execPath, join(root, 'bin/ipcontroller')]);
  }
  const flags = [
    '-p',
    'no:cacheprovider',
    '-q',
    '--tb=short',
    `--junitxml=${report}`,
    ...(ours ? ['-p', 'ours'] : []),
  ];
  const begin = performance.now();
  const child = spawn(python, ['-m', 'pytest', ...flags, '--pyargs', `ipyparallel.tests.${file}`], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  // What it has left may hold its output open: its own end is what counts.
  await new Promise((done) => child.once('exit', done));
  clearTimeout(timer);
  const seconds = (performance.now() - begin) / 1000;
  sweep(folder);
  let tests = new Map();
  try {
    tests = readReport(readFileSync(report, 'utf8'));
  } catch {
    // No report: it was killed, and nothing passed.
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return { tests, seconds, said };
}

export const count = (tests, ending) => [...tests.values()].filter((test) => test.ending === ending).length;
