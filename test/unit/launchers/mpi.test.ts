import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Evidence } from '../../../src/launcher-kit/contract.js';
import { lastSentence } from '../../../src/launcher-kit/job-files.js';
import mpi from '../../../src/launchers/mpi.js';

/* Recorded from Open MPI 4.1.4 and MPICH 4.0.2. */
const recorded = readFileSync('test/fixtures/mpi/hostfiles.txt', 'utf8')
  .split(/^\$ /m)
  .slice(1)
  .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)] as const);

const launcher = mpi.create({ command: 'mpirun', hostfile: undefined, args: '' });
const evidence = (text: string): Evidence =>
  ({
    status: { incarnation: 0, state: { state: 'failed', exitCode: 1, reason: 'exit code 1' } },
    logTail: text.split('\n'),
  }) as unknown as Evidence;

test.each(recorded)('what is said of %s means a hostfile that cannot be read', (_what, text) => {
  expect(launcher.explain(evidence(text))).toMatchObject({ code: 'mpi-hostfile' });
});

test("a rule is nobody's last words", () => {
  expect(lastSentence(['mpirun: no', '-------------', '', '  * advice'])).toBe('mpirun: no');
  expect(lastSentence(['---'])).toBeUndefined();
});
