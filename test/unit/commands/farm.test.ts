import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { fromBytes, toBytes } from '../../../src/base/shell.js';
import { logLine } from '../../../src/commands/farm/farm.js';
import { readInputs } from '../../../src/commands/farm/inputs.js';
import { JobLog } from '../../../src/commands/farm/job-log.js';
import { fillTemplate, splitCommand } from '../../../src/commands/farm/template.js';
import { parseTargets } from '../../../src/commands/shared.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-farm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the command of a map', () => {
  test.each([
    [
      ['echo', '{}', ':::', 'a', 'b'],
      ['echo', 'a'],
      ['a', 'b'],
    ],
    [['echo', ':::', 'a'], ['echo', 'a'], ['a']],
    [['grep', '--', '-n', '{}', ':::', 'f'], ['grep', '--', '-n', 'f'], ['f']],
    [['cp', '{}', '{}.{#}', ':::', 'x y'], ['cp', 'x y', 'x y.1'], ['x y']],
    [['wc -l {} | cat', ':::', "it's"], ['/bin/sh', '-c', "wc -l 'it'\\''s' | cat"], ["it's"]],
    [['wc -l', ':::', 'f'], ['/bin/sh', '-c', 'wc -l f'], ['f']],
  ])('%j', (rest, argv, inputs) => {
    const { template, sources } = splitCommand(rest);
    expect(sources).toEqual({ words: inputs });
    expect(fillTemplate(template, inputs[0] ?? '', 1)).toEqual(argv);
  });

  test('without ::: the inputs come from elsewhere; without a command there is a sentence', () => {
    expect(splitCommand(['true']).sources).toBeUndefined();
    for (const rest of [undefined, [], [':::', 'a']]) expect(() => splitCommand(rest)).toThrow(/no command/);
  });
});

describe('columns and parts of an input', () => {
  const fill = (words: string[], input: string, separator?: RegExp) =>
    fillTemplate(splitCommand(words, separator).template, input, 7);

  test.each([
    [['echo', '{1}', '{2}'], 'a,b c', /,/, ['echo', 'a', 'b c']],
    [['echo', '{2}', '{3}', '{#}'], 'a,b', /,/, ['echo', 'b', '', '7']],
    [['f {2} > {1}.out'], "it's\tx", /\t/, ['/bin/sh', '-c', "f x > 'it'\\''s'.out"]],
    [['echo', '{1}'], 'a,b', undefined, ['echo', 'a,b']],
    [
      ['mv', '{}', '{.}', '{/}', '{//}', '{/.}'],
      'd.x/f.tar.gz',
      undefined,
      ['mv', 'd.x/f.tar.gz', 'd.x/f.tar', 'f.tar.gz', 'd.x', 'f.tar'],
    ],
    [['echo', '{//}', '{.}'], 'name', undefined, ['echo', '.', 'name']],
    [['echo', '{//}'], '/name', undefined, ['echo', '/']],
    [['echo', '{2.}'], 'a b.c', / /, ['echo', 'b']],
    [['echo', '{#}'], 'a', undefined, ['echo', '7']],
    [['cp', '{}', '{}'], '{#}$&', undefined, ['cp', '{#}$&', '{#}$&']],
  ])('%j of %j', (words, input, separator, argv) => {
    expect(fill(words, input, separator)).toEqual(argv);
  });

  test.each([
    [['echo', '{1}', '{2}', ':::', 'a'], /\{2\} is a column.*separates/],
    [['echo', '{0}', ':::', 'a'], /count from 1/],
    [['echo', '{%}', ':::', 'a'], /\{%\} has no meaning/],
    [['echo', '{}', ':::', 'a', ':::', 'b'], /one list of inputs/],
    [['echo', '{}', ':::+', 'a'], /one list of inputs/],
    [['echo', '{}', '::::'], /No file/],
  ])('%j is refused', (rest, words) => {
    expect(() => splitCommand(rest)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(words) }),
    );
  });
});

describe('lists of inputs', () => {
  const list = (bytes: string | Buffer): string => {
    const path = join(folder, 'list');
    writeFileSync(path, bytes);
    return path;
  };
  const read = async (path: string, byNull = false) => {
    const said: string[] = [];
    const { inputs, blank } = await readInputs(
      { files: [path] },
      { byNull, say: (sentence) => said.push(sentence) },
    );
    return { inputs, blank: [...blank], said: said.length };
  };

  test('an empty line has its number', async () => {
    expect(await read(list('a.txt\n\nb.txt'))).toEqual({
      inputs: ['a.txt', '', 'b.txt'],
      blank: [2],
      said: 0,
    });
  });

  test('CR LF ends lines where all do, and is said', async () => {
    expect(await read(list('a\r\n\r\nb\r\n'))).toEqual({ inputs: ['a', '', 'b'], blank: [2], said: 1 });
    expect(await read(list('a\r\nb\n'))).toEqual({ inputs: ['a\r', 'b'], blank: [], said: 0 });
    expect(await read(list('a\r\0b\r\0'), true)).toEqual({ inputs: ['a\r', 'b\r'], blank: [], said: 0 });
  });

  test('bytes are bytes, and zeros separate', async () => {
    const { inputs } = await read(list(Buffer.from('caf\xe9.dat\na b\n', 'latin1')));
    expect(inputs.map(toBytes)).toEqual([Buffer.from('caf\xe9.dat', 'latin1'), Buffer.from('a b')]);
    expect(await read(list('a\nb\0c\0'), true)).toMatchObject({ inputs: ['a\nb', 'c'] });
    await expect(read(list('a\0b\n'))).rejects.toThrow(/byte of zero/);
    await expect(read(join(folder, 'nowhere'))).rejects.toThrow(/cannot be read/);
  });
});

describe('the job log', () => {
  test('says where and when a run was, by the host that ran it, and what went there and came back', () => {
    const end = {
      exitCode: 3,
      signal: null,
      timedOut: false,
      truncated: false,
      dropped: { stdout: 0, stderr: 0 },
    };
    const output = {
      stdout: 'äb',
      stderr: 'c',
      stdoutBytes: Buffer.from('äb'),
      stderrBytes: Buffer.from('c'),
    };
    const line = logLine(7, ['echo', 'x'], {
      ...end,
      ...output,
      runTime: 500,
      host: 'n2',
      started: 1_700_000_000_250,
    });
    expect(line).toMatchObject({
      number: 7,
      host: 'n2',
      start: 1_700_000_000.25,
      runTime: 0.5,
      exitCode: 3,
      signal: 0,
    });
    expect(line).toMatchObject({ sent: 5, received: 4 });
  });

  const line = { host: 'engine-0', start: 1, runTime: 0.5, sent: 0, received: 3, signal: 0 };
  const commandOf = (number: number) => (number <= 3 ? `echo ${number}` : undefined);

  test('is of the form of GNU parallel, and says what succeeded', () => {
    const path = join(folder, 'log');
    const { log } = JobLog.open(path, false, commandOf);
    log.add({ ...line, number: 1, exitCode: 0, command: 'echo 1' });
    log.add({ ...line, number: 2, exitCode: 3, command: 'echo 2' });
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(
      'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand',
    );
    expect([...JobLog.open(path, true, commandOf).succeeded]).toEqual([1]);
  });

  test('a line that was cut off does not count', () => {
    const path = join(folder, 'cut');
    writeFileSync(path, 'Seq\n1\th\t0\t0\t0\t0\t0\t0\techo 1\n2\th\t0\t0\t0\t0\t0\t0\techo');
    expect([...JobLog.open(path, true, commandOf).succeeded]).toEqual([1]);
  });

  test('a line counts for its input, whatever its number is by now', () => {
    const path = join(folder, 'moved');
    const lines = [
      '5\th\t0\t0\t0\t0\t0\t0\techo 2',
      '1\th\t0\t0\t0\t0\t1\t0\techo 3',
      '2\th\t0\t0\t0\t0\t0\t0\techo gone',
    ];
    writeFileSync(path, `Seq\n${lines.join('\n')}\n`);
    expect([...JobLog.open(path, true, commandOf).succeeded]).toEqual([2]);
  });

  test('of another run, or one that cannot be written, is refused', () => {
    const path = join(folder, 'other');
    writeFileSync(path, 'Seq\n1\th\t0\t0\t0\t0\t0\t0\trm 1\n');
    expect(() => JobLog.open(path, true, commandOf)).toThrow(expect.objectContaining({ code: 'JOB_LOG' }));
    expect(() => JobLog.open(join(folder, 'none', 'log'), false, commandOf)).toThrow(
      expect.objectContaining({ code: 'JOB_LOG' }),
    );
  });
});

describe('targets', () => {
  test('ids and ranges', () => {
    expect(parseTargets('all')).toBe('all');
    expect(parseTargets('0,2-4')).toEqual([0, 2, 3, 4]);
  });

  test.each(['', 'x', '3-1', '-1', '1,,2'])('"%s" is refused', (text) => {
    expect(() => parseTargets(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

test.each([
  [[0x61]],
  [[0xc3, 0xa9]],
  [[0x61, 0xe9]],
  [[0xff, 0xc3, 0xa9, 0x80]],
  [[0xed, 0xb2, 0x80]],
  [[0xf0, 0x9f, 0x98, 0x80]],
])('the bytes %j are kept by their text', (bytes) => {
  expect([...toBytes(JSON.parse(JSON.stringify(fromBytes(Buffer.from(bytes)))) as string)]).toEqual(bytes);
});
