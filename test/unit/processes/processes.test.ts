import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { quoteCommand } from '../../../src/base/shell.js';

import { startCommand } from '../../../src/processes/command.js';
import { expandList, usableCores } from '../../../src/processes/cores.js';
import { endGroups, sweepMarked } from '../../../src/processes/end.js';
import { startProcess } from '../../../src/processes/start.js';
import { findMarked, identify, inspectProcess, isAlive, markVariable } from '../../../src/processes/table.js';

const env = { ...process.env };

describe('processes', () => {
  test('are known by pid and start time', async () => {
    const started = await startProcess({ argv: ['sleep', '60'], env });
    const identity = identify(started.pid);
    expect(identity && isAlive(identity)).toBe(true);
    expect(isAlive({ pid: started.pid, startTime: 1 })).toBe(false);
    expect(inspectProcess(started.pid)).toMatchObject({ group: started.pid, parent: process.pid });
    expect(await endGroups(identity ? [identity] : [], { grace: 1000 })).toEqual([]);
    expect(await started.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('one that ignores SIGTERM is killed after its grace', async () => {
    const started = await startProcess({
      argv: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'],
      env,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const identity = identify(started.pid);
    expect(await endGroups(identity ? [identity] : [], { grace: 200 })).toEqual([]);
    expect((await started.exited).signal).toBe('SIGKILL');
  });

  test('what left its group is found by its mark, and nothing else is touched', async () => {
    const mark = `test#${process.pid}`;
    const started = await startProcess({
      argv: ['sh', '-c', 'setsid sleep 61 & exec sleep 62'],
      env: { ...env, [markVariable]: mark },
    });
    const bystander = await startProcess({ argv: ['sleep', '63'], env });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(findMarked((found) => found === mark)).toHaveLength(2);
    expect(await sweepMarked((found) => found === mark)).toBe(2);
    expect(identify(bystander.pid)).toBeDefined();
    process.kill(bystander.pid);
    await Promise.all([started.exited, bystander.exited]);
  });

  test('a program that there is not is an error', async () => {
    await expect(startProcess({ argv: ['/no/such/program'], env })).rejects.toMatchObject({
      code: 'JOB_FAILED',
    });
  });
});

describe('commands', () => {
  const run = async (argv: string[], options: object = {}) => {
    let output = '';
    const onOutput = (name: string, bytes: Buffer): undefined => {
      output += `${name}:${String(bytes)}`;
    };
    const command = startCommand({ argv, env, onOutput, ...options });
    return { ...(await command.ended), output };
  };

  test('give exit code, output and input', async () => {
    expect(await run(['sh', '-c', 'cat; echo bad >&2; exit 3'], { input: 'in' })).toEqual({
      exitCode: 3,
      signal: null,
      timedOut: false,
      output: 'stdout:instderr:bad\n',
    });
  });

  test('end with their whole group after their time', async () => {
    const begin = Date.now();
    expect(await run(['sh', '-c', 'sleep 64 & sleep 65'], { timeLimit: 100 })).toMatchObject({
      timedOut: true,
      signal: 'SIGTERM',
    });
    expect(Date.now() - begin).toBeLessThan(5000);
    expect(findMarked(() => true).filter(({ command }) => /sleep 6[45]/.test(command))).toEqual([]);
  });

  test('die before whoever started them when memory runs out, their first children too', async () => {
    const running = run(['sh', '-c', 'cat /proc/self/oom_score_adj; true']);
    const busyUntil = performance.now() + 300;
    while (performance.now() < busyUntil);
    expect((await running).output).toBe('stdout:600\n');
    expect(Number(readFileSync('/proc/self/oom_score_adj', 'utf8'))).toBeLessThan(600);
  });

  test('one that there is not is an error', async () => {
    await expect(run(['/no/such/program'])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('how many engines', () => {
  test('lists of processors', () => {
    expect([...expandList('0-2,5')]).toEqual([0, 1, 2, 5]);
    expect(usableCores()).toBeGreaterThan(0);
  });

  test('words are quoted for a shell only where they must be', () => {
    expect(quoteCommand(['a', 'b c', "it's", ''])).toBe(`a 'b c' 'it'\\''s' ''`);
  });
});
