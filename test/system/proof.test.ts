import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { prove as proveBy } from '../prove.js';

/* The quick part of the proofs: the same programs that make the long tables of proof/. */

/** Runs a proof and answers its lines of output. */
const prove = (file: string, ...args: string[]) => proveBy(process.execPath, `proof/${file}`, ...args);

interface FaultRow {
  name: string;
  right: boolean;
  problems: string[];
}

const mayMount = process.getuid?.() === 0 && existsSync('/bin/mount');

test.skipIf(!mayMount)('faults: what was expected came to be, in every row', async () => {
  const { lines, said } = await prove('faults.js', '--quick', '--json');
  const rows = JSON.parse(lines.at(-1) ?? '[]') as FaultRow[];
  expect(rows.length, said).toBeGreaterThanOrEqual(10);
  expect(rows.filter(({ right }) => !right)).toEqual([]);
});

test('fuzz: a good client is answered, no engine ends, nobody falls', async () => {
  const { code, lines, said } = await prove('fuzz.js', '--seconds', '8', '--messages', '10000');
  expect([code, said]).toEqual([0, '']);
  const rows = lines.map(
    (line) => JSON.parse(line) as { messages: number; answers: number; engineRestarts: number },
  );
  expect(rows).toHaveLength(3);
  for (const row of rows) {
    expect(row.messages).toBeGreaterThanOrEqual(10_000);
    expect(row.answers).toBeGreaterThan(10);
    expect(row.engineRestarts).toBe(0);
  }
});

test('fuzz with a token: ten good clients, one that asks and one that watches are unharmed', async () => {
  const { code, lines, said } = await prove('fuzz-roles.js', '--seconds', '4', '--seed', '7');
  expect([code, said]).toEqual([0, '']);
  const rows = lines.map(
    (line) => JSON.parse(line) as { messages: number; answers: number; wrong: number; queries: number },
  );
  expect(rows.map(({ wrong }) => wrong)).toEqual([0, 0]);
  for (const { messages, answers, queries } of rows) {
    expect(messages).toBeGreaterThan(200);
    expect(answers).toBeGreaterThan(20);
    expect(queries).toBeGreaterThan(2);
  }
});

test('values: what was sent is what arrives, whatever the sender does with it', async () => {
  const { code, lines, said } = await prove('values.js', '--cases', '800', '--seed', '7', '--json');
  const { rows, different } = JSON.parse(lines.at(-1) ?? '{}') as {
    rows: { cases: number }[];
    different: number;
  };
  expect([different, code], said).toEqual([0, 0]);
  expect(rows.map(({ cases }) => cases)).toEqual(Array.from({ length: 16 }, () => 50));
});

test.skipIf(process.getuid?.() !== 0)(
  'strangers: one who strikes at whatever appears wins nothing',
  async () => {
    const { lines, said } = await prove(
      'strangers.js',
      '--only',
      'beside a stranger',
      '--races',
      '2',
      '--json',
    );
    const rows = JSON.parse(lines.at(-1) ?? '[]') as FaultRow[];
    expect(rows, said).toHaveLength(1);
    expect(rows.filter(({ right }) => !right)).toEqual([]);
  },
);

test.skipIf(process.getuid?.() !== 0)(
  'batch: every verdict of the quick rows is right, nothing is left, nothing healthy is harmed',
  async () => {
    const { lines, said } = await prove('batch.js', '--quick', '--json');
    const rows = JSON.parse(lines.at(-1) ?? '[]') as FaultRow[];
    expect(rows.length, said).toBeGreaterThanOrEqual(12);
    expect(rows.filter(({ right }) => !right)).toEqual([]);
  },
);
