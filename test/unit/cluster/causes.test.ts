import { describe, expect, test } from 'vitest';
import { parseBytes } from '../../../src/base/quantities.js';
import { explainLog } from '../../../src/cluster/causes.js';
import { checkLimits } from '../../../src/launcher-kit/limits.js';

describe('what a log says of its program’s end', () => {
  test.each([
    [['info: hello', 'ipcontroller: Port 80 is taken by another program.'], 2, /port is taken/i],
    [['Error: ENOSPC: no space left on device'], 1, /disk is full/],
    [['EDQUOT'], 1, /quota/],
    [['EMFILE: too many open files'], 1, /files are open/],
    [['sh: 1: /gone/node: not found'], 127, /Node is not where it was/],
    [['/j/job.sh: line 41: exec: srun: not found'], 127, /not on the PATH/],
    [['/j/node.sh: line 9: mytool: command not found'], 127, /A program that it needs/],
    [["/usr/bin/env: 'node': No such file or directory"], 127, /Node is not where it was/],
    [['Killed'], 137, /ended by signal 9/],
    // Codes of srun, and of what ends with -1.
    [['x'], 182, /exit code 182/],
    [['x'], 255, /exit code 255/],
    [['node: bad option: --v8-pool-size=1'], 9, /Node that ran it/],
    [['ending: no controller for 6 s'], 0, /longer than the lease/],
    [['something', '  at a stack', 'the sentence', '    try: advice'], 1, /exit code 1/],
  ])('%j', (lines, code, sentence) => {
    expect(explainLog(lines, code)?.sentence).toMatch(sentence);
  });

  test('the line that shows it is named, and a good end says nothing', () => {
    expect(explainLog(['a', 'the sentence', '  try: b'], 1)?.lines).toEqual(['the sentence']);
    expect(explainLog(['all is well'], 0)).toBeUndefined();
    expect(explainLog([], undefined)).toBeUndefined();
  });
});

describe('limits', () => {
  const free = {
    files: undefined,
    processes: undefined,
    processesNow: 0,
    addressSpace: undefined,
    memory: undefined,
    memoryNow: 0,
  };

  test('what cannot work is refused, what is near is said', () => {
    expect(checkLimits(64, free)).toEqual([]);
    expect(() => checkLimits(64, { ...free, files: 256 })).toThrow(/64 engines need 320 open files/);
    expect(() => checkLimits(1, { ...free, addressSpace: 1e9 })).toThrow(/allows 1.0 GB/);
    expect(checkLimits(64, { ...free, memory: 2e9, memoryNow: 1e9 })).toEqual([
      expect.stringMatching(/about 3.7 GB, .* 1.0 GB left/),
    ]);
  });
});

test.each([
  ['512M', 512 * 2 ** 20],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['200kB', 200 * 1024],
  ['77', 77],
])('%s is an amount of memory', (text, bytes) => {
  expect(parseBytes(text, 'x')).toBe(bytes);
});

test.each(['', '5 parsecs', '-1M', 'M'])('"%s" is none', (text) => {
  expect(() => parseBytes(text, '--keep-bytes')).toThrow(/--keep-bytes is/);
});
