import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Home, Outcome } from '../helpers.js';

/** The interpreter that has IPython's parallel package here. */
export const python = '/usr/bin/python3';

export const root = process.getuid?.() === 0;

/** Runs a script of one of our beds. */
export const bed = (name: string, verb: string, ...args: string[]): string =>
  execFileSync(resolve('test/beds', name, verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** What every script of Python begins with. */
const preamble = 'import os, sys, time, json\nimport ipyparallel as ipp\n';

/**
 * Runs a script of Python as a user of the cluster; answers the lines that it printed. Throws with what it
 * said when it fails.
 */
export async function runPython(home: Home, script: string, host?: string): Promise<string[]> {
  const outcome: Outcome = await home.runOn(host, [python, '-W', 'ignore', '-c', preamble + script]);
  if (outcome.code !== 0) throw new Error(outcome.stderr || `exit code ${outcome.code}`);
  return outcome.stdout.trimEnd().split('\n');
}
