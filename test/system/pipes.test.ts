import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Home } from '../helpers.js';

const home = new Home();

beforeAll(async () => {
  await home.json('start', '-n', '2', '-d');
});

afterAll(async () => {
  await home.run(['stop']);
  await home.leave();
});

/** Runs a line of bash, in which `map` and `ipcluster` are ours. */
const bash = (line: string) => {
  const program = `'${process.execPath}' '${resolve('bin/ipcluster')}'`;
  return home.runOn(undefined, [
    'bash',
    '-c',
    `cd '${home.folder}'\nipcluster() { ${program} "$@"; }\nmap() { ipcluster map "$@"; }\n${line}`,
  ]);
};

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('stdin that is slow, unterminated, of DOS, or empty', async () => {
  expect((await bash('(sleep 0.5; echo a; sleep 0.3; printf b) | map -k -- echo {}')).stdout).toBe('a\nb\n');
  expect((await bash("printf 'a\\r\\n\\nb' | map -k -- printf '<%s>' {}")).stdout).toBe('<a\r><b>');
  expect(await bash('map -- echo {} </dev/null')).toMatchObject({ code: 0, stdout: '' });
  expect(await bash('map -- echo {} </')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('stdin cannot be read'),
  });
});

test('an input with a zero is refused by name; --null takes them apart', async () => {
  const refused = await bash("printf 'a\\nb\\0c\\n' | map -- touch ran-{}");
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/Input 2 .*zero/) });
  expect(existsSync(join(home.folder, 'ran-a'))).toBe(false);
  expect((await bash("printf 'a\\nb\\0c\\0' | map -k --null -- printf '<%s>' {}")).stdout).toBe('<a\nb><c>');
});

test('names that are no UTF-8, from stdin and from the command line', async () => {
  writeFileSync(Buffer.concat([Buffer.from(`${home.folder}/caf`), Buffer.from([0xe9])]), 'found\n');
  expect((await bash("printf 'caf\\xe9\\n' | map --joblog names -- cat {}")).stdout).toBe('found\n');
  expect((await bash("map -- cat {} ::: $'caf\\xe9'")).stdout).toBe('found\n');
  expect((await bash("map -- 'cat {}' ::: $'caf\\xe9'")).stdout).toBe('found\n');
  expect(readFileSync(join(home.folder, 'names')).includes(Buffer.from([0x66, 0xe9]))).toBe(true);
  const again = await bash("printf 'caf\\xe9\\n' | map --joblog names --resume -- cat {}");
  expect(again).toMatchObject({ code: 0, stdout: '' });
});

test('output as bytes, in any size, to readers that are slow or leave', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_unused, index) => (index * 7919) >> 3));
  writeFileSync(join(home.folder, 'bin.dat'), bytes);
  expect((await bash('map -- cat bin.dat ::: x 2>&1 | sha256sum')).stdout).toContain('-');
  expect((await bash('map -- cat {} ::: bin.dat | sha256sum')).stdout.trim()).toBe(`${sha(bytes)}  -`);
  expect((await bash('map -- seq 1 {} ::: 100000 | (sleep 1; wc -c)')).stdout.trim()).toBe('588895');
  expect((await bash('map --json -- seq 1 {} ::: 100000 | (sleep 1; cat) | wc -c')).stdout.trim()).toMatch(
    /^\d{6}$/,
  );
  const json = await bash("ipcluster exec --json -t 0 'Array(200000).fill(7)' | (sleep 1; cat)");
  expect(JSON.parse(json.stdout)).toMatchObject({ results: [{ value: Array(200_000).fill(7) }] });
  const first = await bash('set -o pipefail; map -- seq 1 {} ::: 300000 300000 300000 | head -1');
  expect(first).toEqual({ code: 141, stdout: '1\n', stderr: '' });
  const large = await bash(
    'yes 0123456789abcde | head -c 40000000 > big.txt; map -- cat {} ::: big.txt > o; cmp o big.txt',
  );
  expect(large).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(statSync(join(home.folder, 'o')).size).toBe(40_000_000);
});

test('what JSON cannot hold is said at its run and by the exit code', async () => {
  const { code, stdout } = await bash('map --json -- cat {} ::: big.txt');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    failed: 0,
    cut: 1,
    items: [{ result: { exitCode: 0, truncated: true } }],
  });
});

test('a job log whose last line was cut off goes on with a line of its own', async () => {
  await bash('map --joblog cut -k -- echo {} ::: a b c');
  const whole = readFileSync(join(home.folder, 'cut'), 'utf8');
  const lines = whole.split('\n');
  writeFileSync(join(home.folder, 'cut'), `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 9)}`);
  expect((await bash('map --joblog cut --resume -k -- echo {} ::: a b c')).code).toBe(0);
  expect(readFileSync(join(home.folder, 'cut'), 'utf8').split('\n')).toHaveLength(5);
  expect(await bash('map --joblog cut --resume -k -- echo {} ::: a b c')).toMatchObject({
    code: 0,
    stdout: '',
  });
  writeFileSync(join(home.folder, 'cut'), '');
  expect((await bash('map --joblog cut --resume -k -- echo {} ::: a b c')).stdout).toBe('a\nb\nc\n');
  expect(readFileSync(join(home.folder, 'cut'), 'utf8')).toMatch(/^Seq\tHost/);
});
