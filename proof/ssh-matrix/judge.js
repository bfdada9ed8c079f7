// What the system's own ssh does with the same configuration.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root, state } from '../ssh/scene.js';
import { hosts } from './hosts.js';

/** What every call of ours says too. */
const strict = [
  '-o',
  'BatchMode=yes',
  '-o',
  'StrictHostKeyChecking=yes',
  '-o',
  'LogLevel=VERBOSE',
  '-o',
  'ConnectTimeout=10',
];

/** After it was let in it has so long to end (milliseconds). */
const hanging = 5000;

/** Runs `ssh HOST true` on host0 as the user: `in` where it is let in, and the last that it said. */
async function judge(scene, name, config = join(state, 'varied/config')) {
  const argv = ['exec', 'host0', '-u', 'hpc', 'timeout', '25', 'ssh', '-F', config, ...strict, name, 'true'];
  const child = spawn(join(root, 'test/beds/ssh/host'), argv, {
    env: scene.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const letIn = /^Authenticated to /m;
  const code = await new Promise((done) => {
    // What it said last may come a moment later.
    child.once('exit', (ended) => setTimeout(done, 300, ended));
    // One that was let in and does not end has hung: something holds its streams.
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (letIn.test(said)) setTimeout(done, hanging, null);
    });
  });
  const isIn = letIn.test(said) && code !== 255;
  const last = said
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !/^(@|Transferred|Bytes per)/.test(line));
  return {
    ssh: isIn ? 'in' : 'out',
    code,
    said,
    words: isIn
      ? `in (exit ${code === null || code === 124 ? 'none: it hangs' : code})`
      : (last.at(-1) ?? ''),
  };
}

/**
 * Some, side by side. An ssh that stands for a gate may wait for ever behind the one that needed it: it is
 * ended.
 */
export async function judgeSome(scene, names, config) {
  const all = await Promise.all(names.map((name) => judge(scene, name, config)));
  for (const pid of scene.processes()) process.kill(Number(pid), 'SIGKILL');
  return all;
}

/** All hosts. */
export async function judgeAll(scene) {
  const names = Object.keys(hosts);
  const all = await judgeSome(scene, names);
  await scene.end();
  return Object.fromEntries(names.map((name, index) => [name, all[index]]));
}
