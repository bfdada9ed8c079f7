import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { explainHosts } from '../../../src/cluster/why-hosts.js';
import { explainStatus } from '../../../src/cluster/why-status.js';
import type { ClusterFile } from '../../../src/profile/cluster-file.js';
import type { EngineRecord, LostSupervisor, StatusContent } from '../../../src/protocol/messages.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-hosts-'));
const jobDir = join(folder, 'job');

beforeAll(() => vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`));
beforeEach(() => {
  rmSync(jobDir, { recursive: true, force: true });
  mkdirSync(jobDir);
  pbsnodes({ pbs2: 'free', pbs3: 'free' });
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Says how hosts are, as OpenPBS 23.06 does (recorded). */
function pbsnodes(states: Record<string, string>): void {
  const blocks = Object.entries(states).map(([host, state]) => {
    const comment = state === 'down' ? '\n     comment = node down: communication closed' : '';
    return (
      `${host}\n     Mom = ${host}\n     ntype = PBS\n     state = ${state}\n     pcpus = 2${comment}\n   ` +
      '  license = l\n'
    );
  });
  writeFileSync(join(folder, 'pbsnodes'), `#!/bin/bash\ncat <<'END'\n${blocks.join('\n')}\nEND\n`, {
    mode: 0o700,
  });
}

const file = {
  engines: 4,
  jobs: [{ launcher: 'pbs', ids: ['7.h'], jobDir, role: 'engines', count: 4 }],
} as unknown as ClusterFile;
const on = (host: string, id: number, silence = 0) => ({
  id,
  host,
  silence,
  restarts: 0,
  stale: [],
  deadline: null,
  state: 'busy',
  since: new Date().toISOString(),
});
const status = (engines: object[], lost: LostSupervisor[] = []) =>
  ({
    engines: engines as EngineRecord[],
    lost,
    controller: { lease: 900_000, store: '' },
  }) as unknown as StatusContent;
const gone: LostSupervisor = {
  supervisor: 'pbs2/1',
  host: 'pbs2',
  job: 'pbs:7.h',
  node: 1,
  engines: [2, 3],
  at: '',
};

test('a host that is lost is named, with what its system says of it', async () => {
  pbsnodes({ pbs2: 'down' });
  const [finding, ...others] = await explainHosts(file, status([on('pbs1', 0), on('pbs1', 1)], [gone]));
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ code: 'node-failed', node: 'pbs2' });
  expect(finding?.sentence).toMatch(
    /host pbs2 is lost with its engines \(2 3\): .* is down \(node down: communication closed\)/,
  );
});

test('a host that is lost is named where nobody says anything of it', async () => {
  const [finding] = await explainHosts(file, status([on('pbs1', 0), on('pbs1', 1)], [gone]));
  expect(finding).toMatchObject({
    code: 'node-failed',
    sentence: expect.stringMatching(/pbs2 is lost .* left without a word/),
  });
});

test('a node that has written down its end is explained by that', async () => {
  const record = { incarnation: 0, node: 'pbs2', exitCode: 137, told: '', words: 'killed', ended: '' };
  writeFileSync(join(jobDir, 'node-1.json'), JSON.stringify(record));
  expect(await explainHosts(file, status([on('pbs1', 0)], [gone]))).toEqual([]);
});

test('what was lost is no news once others are in its place', async () => {
  expect(
    await explainHosts(file, status([on('pbs1', 0), on('pbs1', 1), on('pbs3', 4), on('pbs3', 5)], [gone])),
  ).toEqual([]);
});

test(
  'a silent host is told by name, with the time since it was heard and what becomes ' + 'of its tasks',
  async () => {
    const engines = [on('pbs1', 0, 4000), on('pbs2', 1, 25_000), on('pbs2', 2, 25_000), on('pbs3', 3, 200)];
    const findings = await explainHosts(file, status(engines));
    expect(findings.map(({ code, node }) => [code, node])).toEqual([['host-silent', 'pbs2']]);
    expect(findings[0]?.sentence).toMatch(
      /pbs2 \(engines 1 2\) .*last heard 25\.0 s ago.* after 15m 00s of silence/,
    );
    pbsnodes({ pbs2: 'down' });
    expect((await explainHosts(file, status(engines)))[0]).toMatchObject({
      code: 'node-failed',
      node: 'pbs2',
    });
  },
);

test('nobody is told to interrupt work that is healthy', () => {
  const content = {
    ...status([on('pbs1', 0)]),
    givenUp: [],
    queues: { balanced: 3, waiting: 0, running: 1, direct: 0, completed: 0 },
  };
  const busy = explainStatus(content as unknown as StatusContent, undefined).find(
    ({ code }) => code === 'all-busy',
  );
  expect(busy?.suggestions?.join(' ')).toMatch(/ipcluster engines add/);
  expect(busy?.suggestions?.join(' ')).not.toMatch(/interrupt/);
});

test(
  'a host from which others still speak is not lost, nor is that of the controller, unless its ' +
    'system says so',
  async () => {
    const away = { ...gone, host: 'pbs4', node: 5 };
    expect(await explainHosts(file, status([on('pbs1', 0)], [away]))).toHaveLength(1);
    expect(await explainHosts(file, status([on('pbs1', 0), on('pbs4', 1)], [away]))).toEqual([]);
    const there = status([on('pbs1', 0)], [away]);
    const same = { ...there, controller: { ...there.controller, host: 'pbs4' } };
    expect(await explainHosts(file, same)).toEqual([]);
    pbsnodes({ pbs4: 'down' });
    expect(await explainHosts(file, same)).toMatchObject([{ code: 'node-failed', node: 'pbs4' }]);
  },
);
