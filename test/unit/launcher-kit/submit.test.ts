import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { type BatchDialect, defineBatchLauncher } from '../../../src/launcher-kit/batch.js';
import type { JobSpec } from '../../../src/launcher-kit/contract.js';
import { z } from '../../../src/launcher-kit/options.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { submitJob } from '../../../src/launcher-kit/submit.js';
import { dialect as slurm } from '../../../src/launchers/slurm.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-submit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** A submit by a shell that says and does those words; no job is listed. */
const submit = (script: string) =>
  submitJob(slurm, { argv: ['/bin/bash', '-c', script] }, 'ipc-1', async () => [] as never);

describe('what a submit says', () => {
  test('besides its id is told', async () => {
    expect(await submit('echo "sbatch: limit lowered to 3 minutes" >&2; echo Welcome; echo 12')).toEqual({
      id: '12',
      notes: 'sbatch: limit lowered to 3 minutes',
    });
    expect(await submit('echo 12')).toEqual({ id: '12', notes: '' });
  });

  test('instead of an id is quoted', async () => {
    const error = submit('echo "ERROR: you are over quota, job NOT submitted"');
    await expect(error).rejects.toMatchObject({
      code: 'SCHEDULER_SILENT',
      message: expect.stringMatching(/It said:\nERROR: you are over quota, job NOT submitted$/),
    });
  });
});

describe('a launcher', () => {
  const bin = join(folder, 'sbatch');
  const launcherOf = (change: Partial<BatchDialect>) =>
    defineBatchLauncher({
      name: 'slurm',
      summary: '',
      options: z.object({}),
      dialect: () => ({ ...slurm, ...change }),
    }).create({});
  const spec = (name: string, count: number, resources: object): JobSpec => ({
    name,
    argv: ['/bin/true'],
    count,
    env: {},
    jobDir: join(folder, name),
    batch: { ...plainRequest, single: false, shape: 'array', resources },
  });

  test(
    'passes on what a submit says although it took the job, and lets no variable beat ' + 'what was named',
    async () => {
      const command =
        `#!/bin/bash\n[ "$1" != --version ] || { echo slurm 22; exit; }\nprintf '%s\\n' "$@" ` +
        `>${folder}/argv\n`;
      writeFileSync(
        bin,
        `${command}env >${folder}/env\necho 'sbatch: moved to partition gpu' >&2\necho 5\n`,
        {
          mode: 0o700,
        },
      );
      vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
      vi.stubEnv('SBATCH_PARTITION', 'gpu');
      vi.stubEnv('SBATCH_MEM_PER_NODE', '1G');
      const heard: string[] = [];
      const request = spec('noted', 1, { queue: 'debug', time: 60_000, memory: 2 ** 30 });
      const job = await launcherOf({}).launch(request, { onNotice: (sentence) => heard.push(sentence) });
      await job[Symbol.asyncDispose]();
      expect(heard).toEqual(['slurm has taken the job, and says: sbatch: moved to partition gpu']);
      expect(readFileSync(join(folder, 'argv'), 'utf8')).toMatch(/^--time=00:01:00\n--partition=debug$/m);
      expect(readFileSync(join(folder, 'env'), 'utf8')).not.toContain('SBATCH_MEM_PER_NODE');
    },
  );

  test('takes what the user has said to the scheduler for his defaults', () => {
    vi.stubEnv('SBATCH_TIMELIMIT', '2:00:00');
    vi.stubEnv('SBATCH_ACCOUNT', 'proj2');
    expect(launcherOf({}).usual).toMatchObject({ time: '7200s', account: 'proj2', lease: '15m' });
    vi.unstubAllEnvs();
    expect(launcherOf({}).usual).toMatchObject({ time: '1h' });
  });

  test('splits arrays by what the system takes, and as usual where it does not say', async () => {
    const arrays = async (most: string): Promise<number> => {
      const launcher = launcherOf({
        nodeSize: () => ({ argv: ['/bin/echo', '1'], parse: ({ stdout }) => Number(stdout) }),
        askLargestArray: { argv: ['/bin/echo', most], parse: ({ stdout }) => Number(stdout) || undefined },
      });
      const asked = await launcher.survey?.(spec('sized', 150, {}));
      return launcher.plan(asked as JobSpec).commands.length;
    };
    expect(await arrays('101')).toBe(2);
    expect(await arrays('')).toBe(1);
    expect(await arrays('10001')).toBe(1);
  });
});
