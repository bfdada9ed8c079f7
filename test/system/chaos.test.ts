import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

/* The quick part of proof/chaos.js: one seed, and every invariant. */

interface Row {
  requests: number;
  ok: number;
  broken: Record<string, string[]>;
}

/** Runs the driver and answers its rows, with what it said. */
function chaos(...args: string[]): Promise<{ code: number | null; rows: Row[]; said: string }> {
  const child = spawn(process.execPath, ['proof/chaos.js', '--json', ...args]);
  let [out, said] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  return new Promise((resolve) =>
    child.once('close', (code) =>
      resolve({ code, rows: JSON.parse(out.trim().split('\n').at(-1) || '[]') as Row[], said }),
    ),
  );
}

const mayMount = process.getuid?.() === 0 && existsSync('/usr/bin/unshare');

test.skipIf(!mayMount)('chaos: faults at random lose nothing, change nothing, leave nothing', async () => {
  const { code, rows, said } = await chaos('--quick');
  expect(rows, said).toHaveLength(1);
  const [row] = rows as [Row];
  expect(Object.entries(row.broken).filter(([, list]) => list.length > 0)).toEqual([]);
  expect(row.requests).toBeGreaterThan(100);
  expect(row.ok).toBeGreaterThan(50);
  expect(code, said).toBe(0);
});
