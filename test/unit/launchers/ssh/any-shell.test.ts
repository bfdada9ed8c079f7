import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forAnyShell } from '../../../../src/launchers/ssh/scripts.js';

const script =
  `# ${'x'.repeat(40_000)}\nfor word in "a b" 'c'; do printf '%s|' "$word"; done\ncase $HOME in *) echo ` +
  '"é $((1 + 1))" ;; esac\n';
const file = join(mkdtempSync(join(tmpdir(), 'any-shell-')), 'script');
writeFileSync(file, forAnyShell(script));

const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

test.each(['bash', 'dash', 'zsh', 'fish', 'tcsh', 'bsd-csh'])('%s runs it as /bin/sh would', (shell) => {
  if (!isThere(shell)) return;
  const { stdout } = spawnSync(shell, [], { stdio: [openSync(file, 'r'), 'pipe', 'pipe'], encoding: 'utf8' });
  expect(stdout).toBe('a b|c|é 2\n');
});
