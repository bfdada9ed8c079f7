// IPython's own tests against its controller and against ours, each file by itself: every test that passes
// with its own passes with ours. node proof/interop.js [--files test_client,test_lbview] [--ours]: with
// --ours only ours is run, and every test must pass or be skipped.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { count, files, python, runFile } from './interop/suite.js';

const { values } = parseArgs({
  options: { files: { type: 'string' }, ours: { type: 'boolean', default: false } },
});
const wanted = values.files?.split(',') ?? files;
if (process.getuid?.() === 0) execFileSync(join(import.meta.dirname, '../test/beds/python/up'));

const rows = [];
const skips = new Map();
const broken = [];
for (const file of wanted) {
  const theirs = values.ours ? undefined : await runFile(file, 'theirs');
  let ours = await runFile(file, 'ours');
  const due = (tests) =>
    [...(theirs?.tests ?? tests)]
      .filter(([, { ending }]) => (theirs ? ending === 'passed' : ending !== 'skipped'))
      .map(([name]) => name);
  const missing = (run) =>
    run.tests.size === 0
      ? [`${file}: no report`]
      : due(run.tests).filter((name) => run.tests.get(name)?.ending !== 'passed');
  let again = false;
  if (missing(ours).length > 0) {
    // One more try: these tests have waits of their own that two cores do not always keep.
    process.stderr.write(
      `${file}: again, because of ` +
        `${missing(ours).join(' ')}\n${ours.said.split('\n').slice(-40).join('\n')}\n`,
    );
    again = true;
    ours = await runFile(file, 'ours');
  }
  broken.push(...missing(ours));
  for (const [name, { ending, why }] of ours.tests) if (ending === 'skipped') skips.set(name, why);
  const column = (run) =>
    run
      ? `${count(run.tests, 'passed')} passed, ${count(run.tests, 'failed') + count(run.tests, 'error')} ` +
        `failed, ${count(run.tests, 'skipped')} skipped | ${run.seconds.toFixed(0)} s`
      : '- | -';
  rows.push(`| ${file} | ${column(theirs)} | ${column(ours)} | ${again ? 'yes' : 'no'} |`);
  process.stderr.write(`${rows.at(-1)}\n`);
}

const version = execFileSync(
  python,
  [
    '-c',
    'import ipyparallel, sys, zmq; print(f"ipyparallel {ipyparallel.__version__}, Python ' +
      '{sys.version.split()[0]}, pyzmq {zmq.__version__}")',
  ],
  { encoding: 'utf8' },
).trim();
process.stdout.write(
  `${version}.\n\n| file | IPython's controller | | ours | | run again ` +
    `|\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`,
);
process.stdout.write(
  `\nSkipped with ours:\n\n${[...skips].map(([name, why]) => `- ${name}: ${why}`).join('\n') || '- none'}\n`,
);
process.stdout.write(
  `\n${broken.length === 0 ? 'Every test that had to pass did.' : `Not passed: ${broken.join(', ')}`}\n`,
);
process.exit(broken.length === 0 ? 0 : 1);
