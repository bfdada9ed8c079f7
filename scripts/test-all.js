// Everything that can be tested on this machine: the static gate, then all suites. The last line counts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-report-'));
const report = join(folder, 'report.json');
const run = (command, args) => spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;

const gate = run(process.execPath, ['scripts/check.js']);
const reporters = ['--reporter=default', '--reporter=json', `--outputFile=${report}`];
const suites = run('node_modules/.bin/vitest', ['run', '--coverage', ...reporters]);

let passed = gate === 0 ? 1 : 0;
let failed = gate === 0 ? 0 : 1;
const skipped = [];
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  for (const file of result.testResults) {
    if (file.status === 'failed' && file.assertionResults.length === 0) failed += 1;
    for (const test of file.assertionResults)
      if (test.status === 'pending' || test.status === 'skipped') skipped.push(test.fullName);
  }
} catch (error) {
  process.stdout.write(`the report of the suites cannot be read: ${error.message}\n`);
  failed += 1;
}
rmSync(folder, { recursive: true, force: true });
if (suites !== 0 && failed === 0) failed = 1;
for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
