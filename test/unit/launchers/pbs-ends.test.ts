import { expect, test } from 'vitest';
import { explainWords } from '../../../src/launcher-kit/words.js';
import { qstat } from '../../../src/launchers/pbs/states.js';
import { reasons, torqueEnds } from '../../../src/launchers/pbs/words.js';

/** What becomes of a job that has ended with that status and substate. */
function stateOf(exit: number, substate?: number) {
  const lines = [
    'Job Id: 7.head',
    '    job_state = F',
    `    Exit_status = ${exit}`,
    ...(substate ? [`    substate = ${substate}`] : []),
  ];
  const answer = qstat(['7.head'], ['-x']).parse({
    code: 0,
    stdout: `${lines.join('\n')}\n\n`,
    stderr: '',
    timedOut: false,
  });
  return answer?.[0]?.state;
}

test.each([
  [265, 'killed by SIGKILL', 137],
  [271, 'killed by SIGTERM', 143],
  [266, 'killed by SIGUSR1', 138],
  [268, 'killed by SIGUSR2', 140],
  [257, 'killed by SIGHUP', 129],
  [137, 'killed by SIGKILL', 137],
  [139, 'killed by SIGSEGV', 139],
])('exit status %d where nobody deleted the job: %s', (status, reason, exitCode) => {
  expect(stateOf(status, 93)).toEqual({ state: 'failed', reason, exitCode });
});

test.each([
  [3, 'exit code 3'],
  [128, 'exit code 128'],
  [193, 'exit code 193'],
  [255, 'exit code 255'],
])('exit status %d is no signal', (status, reason) => {
  expect(stateOf(status, 93)).toEqual({ state: 'failed', reason, exitCode: status });
});

test('what was deleted was cancelled, by its substate or, in Torque, by its signal', () => {
  expect(stateOf(271, 91)).toMatchObject({ state: 'cancelled' });
  expect(stateOf(265, 91)).toMatchObject({ state: 'cancelled' });
  expect(stateOf(271)).toMatchObject({ state: 'cancelled' });
  expect(stateOf(265)).toMatchObject({ state: 'failed', reason: 'killed by SIGKILL' });
});

test.each([
  [-14, 'node-failed'],
  [-20, 'node-failed'],
  [-4, 'node-failed'],
  [-27, 'out-of-memory'],
  [-28, 'time-limit'],
  [-25, 'over-limit'],
  [-18, 'node-prolog'],
  [-10, 'not-allowed'],
  [-1, 'launch-failed'],
])('exit status %d of PBS itself is %s', (status, code) => {
  const state = stateOf(status, 93);
  expect(state).toEqual({ state: 'failed', reason: `exit status ${status}` });
  expect(explainWords(reasons, `exit status ${status}`)?.code).toBe(code);
});

test('the same number means another thing in Torque', () => {
  expect(explainWords([...torqueEnds, ...reasons], 'exit status -10')?.code).toBe('out-of-memory');
  expect(explainWords([...torqueEnds, ...reasons], 'exit status -14')?.code).toBe('launch-failed');
});
