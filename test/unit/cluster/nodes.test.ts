import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StartRequest } from '../../../src/cluster/prepare.js';
import { awaitRegistration } from '../../../src/cluster/registration.js';
import { explainFolder } from '../../../src/cluster/why-folder.js';
import type { Job } from '../../../src/launcher-kit/contract.js';
import { countLost, readNodeEnds } from '../../../src/launcher-kit/node-ends.js';
import { readNodeWords } from '../../../src/launcher-kit/node-words.js';
import { findPlace } from '../../../src/profile/paths.js';
import { renderNode, runNode } from '../launcher-kit/rendered-node.js';

let folder = '';
let jobDir = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-nodes-'));
  jobDir = join(folder, 'one-engines');
  mkdirSync(jobDir, { mode: 0o700 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(jobDir, name), text);
const recordOf = (index: number) => JSON.parse(readFileSync(join(jobDir, `node-${index}.json`), 'utf8'));

/** A gang of four, of which the prologue of n3 fails; the others are told to end. */
async function oneFails(): Promise<void> {
  const prologue = ['[ "$SLURMD_NODENAME" != n3 ] || { echo "mount of /data \\"missing\\""; exit 3; }'];
  await renderNode(jobDir, { prologue }, ['/bin/sh', '-c', 'exit 0']);
  for (const index of [0, 1, 2, 3]) await runNode(jobDir, index, { SLURMD_NODENAME: `n${index + 1}` });
  write('node-0.log', '2026-11-26 engine 0 is over: stopped\n');
  write('allocation-0.sh', `export IPCLUSTER_LAYOUT=1\\(x4\\)\n`);
}

describe('each node', () => {
  test('writes its own exit record: code and last words', async () => {
    await oneFails();
    expect(recordOf(2)).toMatchObject({
      node: 'n3',
      exitCode: 3,
      told: '',
      words: 'mount of /data "missing"',
      incarnation: 0,
    });
    expect([0, 1, 3].map((index) => recordOf(index).exitCode)).toEqual([0, 0, 0]);
    expect(await readNodeEnds(jobDir)).toMatchObject([{ index: 2, node: 'n3', exitCode: 3 }]);
  });

  test(
    'writes it after a prologue with a trap of its own, and of the signal that killed ' + 'its program',
    async () => {
      await renderNode(jobDir, { prologue: ["trap 'echo own' EXIT"] }, ['/bin/sh', '-c', 'kill -KILL $$']);
      expect((await runNode(jobDir, 0)).code).toBe(137);
      expect(recordOf(0)).toMatchObject({
        exitCode: 137,
        told: '',
        words: expect.stringContaining('killed by signal 9'),
      });
    },
  );

  test('a check that was ended from outside is no proof that the program cannot be run', async () => {
    const slow = join(jobDir, 'slow');
    writeFileSync(join(jobDir, 'test'), '#!/bin/sh\ntouch began\nexec sleep 20\n', { mode: 0o755 });
    await renderNode(jobDir, {}, [slow]);
    const script = readFileSync(join(jobDir, 'node.sh'), 'utf8').replace(
      '$(test -x',
      `$(${join(jobDir, 'test')} -x`,
    );
    writeFileSync(join(jobDir, 'node.sh'), script, { mode: 0o700 });
    const { code, log } = await runNode(jobDir, 0, {}, (pid) => {
      const timer = setInterval(() => {
        if (!existsSync(join(jobDir, 'began'))) return;
        clearInterval(timer);
        process.kill(-pid, 'SIGTERM');
      }, 50);
    });
    expect([code, log]).toEqual([143, expect.stringContaining('told to end')]);
    expect(log).not.toContain('cannot be run');
    expect([recordOf(0).told, await readNodeEnds(jobDir)]).toEqual(['TERM', []]);
  });
});

test.each([
  ['srun: error: n4: task 3: Exited with exit code 127', [{ index: 3, node: 'n4', exitCode: 127 }]],
  ['srun: error: n1: tasks 0-1: Exited with exit code 2', [{ index: 0, exitCode: 2 }, { index: 1 }]],
  ['srun: error: n3: task 2: Killed', [{ index: 2, node: 'n3', exitCode: 137 }]],
  ['srun: error: n3: task 2: Segmentation fault (core dumped)', [{ exitCode: 139 }]],
  ['srun: error: n3: task 2: Terminated', []],
  ['srun: error: Task launch for StepId=53.0 failed on node n3: Job prolog failed', [{ node: 'n3' }]],
  ['slurmstepd-n1: error: Prolog failure on node n3', [{ node: 'n3' }]],
  [
    '/bin/bash: /p/node.sh: No such file or directory\nsrun: error: n4: task 3: Exited with exit code 127',
    [{ index: 3, node: 'n4', words: '/bin/bash: /p/node.sh: No such file or directory' }],
  ],
  ['srun: error: Node failure on n3', [{ node: 'n3' }]],
  [
    'srun: error: Task launch for StepId=9.2 failed on node n3: Socket timed out on send/recv operation',
    [{ node: 'n3' }],
  ],
  ['srun: error: Nodes n[2-3] are still not ready', [{ node: 'n2' }, { node: 'n3' }]],
  ['pbsdsh: task 0x00000003 exit status 7', [{ node: 'task 0x00000003', exitCode: 7 }]],
  ['pbsdsh: task 2 exit status 0', []],
  [
    'mpirun.openmpi noticed that process rank 1 with PID 69 on node host1 exited on signal 11 ' +
      '(Segmentation fault).',
    [{ index: 1, node: 'host1', exitCode: 139 }],
  ],
  ['=   PID 149 RUNNING AT host1\n=   EXIT CODE: 9', [{ node: 'host1', exitCode: 9 }]],
  ['all is well', []],
])('what a tool says of one node is read: %s', (text, expected) => {
  const found = readNodeWords(text.split('\n'));
  expect(found).toMatchObject(expected);
  expect(found).toHaveLength(expected.length);
});

describe('a verdict on a gang', () => {
  test('names the node that failed and quotes its words, not those of a healthy one', async () => {
    await oneFails();
    write('exit.json', '{"incarnation":0,"exitCode":3,"told":"","ended":"x"}');
    const [verdict, ...others] = await explainFolder(jobDir, true, false);
    expect(verdict).toMatchObject({ code: 'exited', node: 'n3' });
    expect(verdict?.sentence).toMatch(/^On n3: .*exit code 3\..*mount of \/data "missing"/);
    expect(JSON.stringify([verdict, ...others])).not.toContain('engine 0 is over');
  });

  test('names the node that only srun tells of, which sees no folder of ours', async () => {
    write(
      'stderr',
      '/bin/bash: /p/node.sh: No such file\nsrun: error: n4: task 3: Exited with exit code 127\n',
    );
    write('node-0.log', 'all is well here\n');
    write('exit.json', '{"incarnation":0,"exitCode":127,"told":"","ended":"x"}');
    const findings = await explainFolder(jobDir, true, false);
    expect(findings[0]).toMatchObject({ code: 'folder-not-shared', node: 'n4' });
    expect(findings[0]?.sentence).toMatch(/^On n4: .*node\.sh: No such file$/);
    expect(JSON.stringify(findings)).not.toContain('node-0.log');
  });
});

describe('where the names of the nodes are known', () => {
  beforeEach(() =>
    write('allocation-0.sh', 'export IPCLUSTER_LAYOUT=2\\(x4\\)\nexport IPCLUSTER_NODES=n\\[1-4\\]\n'),
  );

  test('a step of one node calls it task 0, and is told by its name', async () => {
    write('stderr', 'srun: error: n4: task 0: Exited with exit code 127\n');
    expect(await readNodeEnds(jobDir)).toMatchObject([{ index: 3, node: 'n4', exitCode: 127 }]);
  });

  test('each of several nodes is named', async () => {
    write('stderr', 'srun: error: n[2-3]: tasks 1-2: Exited with exit code 2\n');
    expect((await readNodeEnds(jobDir)).map(({ node }) => node)).toEqual(['n2', 'n3']);
  });

  test('a node where nothing began takes its whole share away', async () => {
    write(
      'stderr',
      'srun: error: Task launch for StepId=5.0 failed on node n3: x\nsrun: error: Node failure on n3\n',
    );
    expect(await countLost(jobDir, 8, 0)).toMatchObject({ lost: 2, ends: [{ index: 2, node: 'n3' }] });
  });
});

describe('a step that waits', () => {
  const line = 'srun: Job 7 step creation temporarily disabled, retrying (Requested nodes are busy)';
  const told =
    'ipcluster: nothing has begun on the nodes, and other steps of the job run there: 7.0 sleep n[1-4]';

  test.each([line, told])('is a verdict, with its words: %s', async (words) => {
    write('stderr', `${words}\n`);
    const [verdict] = await explainFolder(jobDir, true, false);
    expect(verdict).toMatchObject({
      code: 'step-waits',
      sentence: expect.stringContaining(`It says: ${words}`),
    });
  });

  test('is none where a node has begun', async () => {
    write('stderr', `${line}\n`);
    write('node-0.log', 'an engine has joined as 0\n');
    expect(await explainFolder(jobDir, true, true)).toEqual([]);
  });
});

test('a node that two tools tell of has failed once', async () => {
  write(
    'stderr',
    'srun: error: Task launch for StepId=5.0 failed on node n3: x\nslurmstepd-n1: error: Prolog failure ' +
      'on node n3\n',
  );
  expect(await readNodeEnds(jobDir)).toHaveLength(1);
});

describe('a start', () => {
  const wait = (minEngines: number | undefined) => {
    const place = findPlace({ workFolder: join(folder, 'work') }, { IPYTHONDIR: folder });
    const request = { place, count: 4, minEngines, timeout: 3000, queueTimeout: undefined } as StartRequest;
    const job = {
      ref: { jobDir, launcher: 'slurm', ids: ['1'] },
      status: { incarnation: 0, state: { state: 'running' } },
    };
    return awaitRegistration(request, [job as unknown as Job], new AbortController().signal);
  };

  test('ends its waiting when fewer than needed can still come', async () => {
    await oneFails();
    await expect(wait(undefined)).rejects.toThrow(/Only 3 of 4 engines can still come: n3 ended/);
  });

  test('waits on for those that are enough', async () => {
    await oneFails();
    await expect(wait(3)).rejects.toThrow(/0 of 4 engines registered within/);
  });

  test('counts the engines of a node, and nothing of an earlier run', async () => {
    write('allocation-0.sh', `export IPCLUSTER_LAYOUT=16\\(x2\\)\\,8\n`);
    write('node-1.json', '{"incarnation":0,"node":"n2","exitCode":1,"told":"","words":"x","ended":"x"}');
    write('stderr', 'srun: error: n3: task 2: Killed\n');
    expect((await countLost(jobDir, 38, 0)).lost).toBe(22);
    expect((await countLost(jobDir, 38, 1)).lost).toBe(0);
  });
});
