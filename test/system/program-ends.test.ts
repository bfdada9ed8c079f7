import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Home } from '../helpers.js';

/* A program that uses the library ends with its last line: no timer of ours keeps it. */

/**
 * From the last line of the program to its end; twice what is promised, for machines that are busy
 * (milliseconds).
 */
const bound = 400;

describe('a program ends with its last line', () => {
  const home = new Home();
  afterAll(() => home.leave());

  /**
   * Runs a module with the built library; answers how long it lived after it had printed `last line`
   * (milliseconds).
   */
  async function lifeAfter(lines: string): Promise<number> {
    const library = resolve('dist/index.js');
    const source = `import { Client, Cluster } from '${library}'; ${lines}; process.stdout.write('last line');`;
    const argv = ['--input-type=module', '-e', source];
    const child = spawn(process.execPath, argv, {
      env: home.env,
      cwd: home.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = 0;
    child.stdout.on('data', () => (printed = performance.now()));
    const code = await new Promise((done) => child.once('exit', done));
    expect(code).toBe(0);
    return performance.now() - printed;
  }

  test.each([
    ['cluster.stop()', 'const cluster = await Cluster.start({ n: 1 }); await cluster.stop()'],
    [
      'client.shutdown()',
      'const { client } = await Cluster.start({ n: 1 }); await client.shutdown(); await client.close()',
    ],
    [
      'client.close()',
      'const cluster = await Cluster.start({ n: 1 }); const client = await Client.connect(); await ' +
        'client.close(); await cluster.stop()',
    ],
    [
      'a task with a time limit',
      'const cluster = await Cluster.start({ n: 1 }); await cluster.client.balanced().apply(() => 1, ' +
        '[], { timeout: 60_000 }); await cluster.stop()',
    ],
  ])('after %s', async (_name, lines) => {
    expect(await lifeAfter(lines)).toBeLessThan(bound);
  });
});
