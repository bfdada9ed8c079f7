// The static gate, cheapest first. Every step must be silent about warnings: one of them is a failure.
import { spawnSync } from 'node:child_process';

/** What a step is called, its program, and its words.
 * @type {[string, string, string[]][]} */
const steps = [
  ['format, imports, lint', 'biome', ['ci', '--error-on-warnings', '.']],
  ['types', 'tsc', ['--noEmit', '-p', '.']],
  ['types of tests', 'tsc', ['-p', 'test']],
  ['the house', 'depcruise', ['src', '--config', '.dependency-cruiser.cjs']],
  ['unused code', 'knip', ['--no-config-hints']],
  ['asynchronous code', 'eslint', ['--max-warnings', '0', 'src']],
  ['page of errors', process.execPath, ['scripts/errors-page.js', '--check']],
  ['page of roles', process.execPath, ['scripts/roles-page.js', '--check']],
  ['build', process.execPath, ['scripts/build.js']],
  ['types of tools', 'tsc', ['-p', 'tsconfig.tools.json']],
  ['figures', process.execPath, ['scripts/figures.js', '--check']],
  ['package', 'publint', ['--strict']],
  ['types of the package', 'attw', ['--pack', '--profile', 'esm-only', '--quiet']],
  ['API pages', 'typedoc', []],
];

for (const [name, program, args] of steps) {
  const begin = Date.now();
  const command = program === process.execPath ? program : `node_modules/.bin/${program}`;
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  process.stdout.write(
    `${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)\n`,
  );
  if (status !== 0) {
    process.stdout.write(`${stdout}${stderr}`);
    process.exit(1);
  }
}
