import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Home, until } from '../helpers.js';
import { bed, python, root, runPython } from './python.js';

/* Our cluster where Python's own tools look for clusters. */

describe.skipIf(!root)("Python's tools and our cluster (need root for its packages)", () => {
  let home: Home;

  beforeAll(() => void bed('python', 'up'), 300_000);
  beforeEach(() => {
    home = new Home();
  });
  afterEach(async () => {
    await home.run(['stop']);
    await home.leave();
  });

  const tool = (...words: string[]) =>
    home.runOn(undefined, [python, '-W', 'ignore', '-m', 'ipyparallel.cluster', ...words]);
  const listed = (id = '') => home.path('security', `cluster-${id}.json`);

  test.each([[''], ['second']])(
    'cluster %j is listed, connected to by from_file, and not started twice',
    async (id) => {
      const words = id ? ['--cluster-id', id] : [];
      await home.run(['start', '-n', '2', '-d', '--engine', 'python', '--python', python, ...words]);
      const list = JSON.parse((await tool('list', '-o', 'json')).stdout) as {
        cluster: { cluster_id: string };
        controller: unknown;
      }[];
      expect(list).toMatchObject([
        { cluster: { cluster_id: id }, controller: { class: 'local', state: { state: 'running' } } },
      ]);
      const connect =
        `c = ipp.Cluster.from_file(cluster_id='${id}')\nrc = ` +
        'c.connect_client_sync()\nrc.wait_for_engines(2, timeout=20)\nprint(rc.ids)';
      expect(await runPython(home, connect)).toEqual(['[0, 1]']);
      const again = await tool('start', '-n', '1', '--daemonize', ...(id ? [`--cluster-id=${id}`] : []));
      expect([again.code === 0, again.stderr]).toEqual([false, expect.stringMatching(/already running/)]);
      await home.run(['stop', ...words]);
      expect(existsSync(listed(id))).toBe(false);
      expect(JSON.parse((await tool('list', '-o', 'json')).stdout)).toEqual([]);
    },
    90_000,
  );

  test("Python's stop ends it, and nothing is left", async () => {
    await home.run(['start', '-n', '2', '-d', '--engine', 'python', '--python', python]);
    const { code, stderr } = await tool('stop');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Stopped cluster|Stopping/)]);
    await until('no process', () => home.processes().length === 0, 20_000);
    expect(existsSync(listed())).toBe(false);
    expect(existsSync(home.path('security', 'ipcontroller-client.json'))).toBe(false);
  }, 90_000);

  test("a file of Python's own cluster is left as it is", async () => {
    const own = JSON.stringify({
      cluster: { cluster_id: '' },
      controller: { class: 'pbs', state: { job_id: '7' } },
    });
    await home.run(['start', '-n', '1', '-d']);
    writeFileSync(listed(), own);
    await home.run(['stop']);
    expect(readFileSync(listed(), 'utf8')).toBe(own);
    rmSync(listed());
  }, 60_000);
});
