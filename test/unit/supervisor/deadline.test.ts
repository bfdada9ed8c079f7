import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Log } from '../../../src/base/log.js';
import { readAllocation } from '../../../src/supervisor/allocation.js';
import { DeadlineWatch, deadlineQuestion } from '../../../src/supervisor/deadline.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-deadline-'));
afterAll(() => rmSync(folder, { recursive: true }));
const silent = { info() {}, warn() {}, error() {} } as unknown as Log;

describe('the end of a job that runs', () => {
  test('is asked for again and again, and what is no answer changes nothing', async () => {
    const file = join(folder, 'end');
    const say = (text: string): void => writeFileSync(file, text);
    const heard: number[] = [];
    say('1795255888\n');
    const question = { ask: `cat ${file}`, first: 1, interval: 10 };
    const watch = new DeadlineWatch(question, 1_795_255_888_000, silent, (deadline) => heard.push(deadline));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual([]);
    for (const text of ['', 'Unknown\n', '17952', 'slurm_load_jobs error\n1795255999\n']) {
      say(text);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(heard).toEqual([]);
    say('1795259999\n');
    await vi.waitFor(() => expect(heard).toEqual([1_795_259_999_000]));
    watch.end();
    say('1795250000\n');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(heard).toEqual([1_795_259_999_000]);
  });

  test(
    'is asked for by one node of a job, and by each element of an array, the less often the ' +
      'more there are',
    () => {
      const of = (env: NodeJS.ProcessEnv) => {
        const all = { IPCLUSTER_JOB: 'slurm:1', IPCLUSTER_ASK_DEADLINE: 'true', ...env };
        return deadlineQuestion(all, readAllocation(all));
      };
      expect(of({ IPCLUSTER_LAYOUT: '2(x4)', IPCLUSTER_COUNT: '8' })?.interval).toBe(45_000);
      expect(
        of({ IPCLUSTER_LAYOUT: '2(x4)', IPCLUSTER_COUNT: '8', IPCLUSTER_NODE_INDEX: '1' }),
      ).toBeUndefined();
      const element = { IPCLUSTER_ELEMENT: '7', IPCLUSTER_NODE_INDEX: '7', IPCLUSTER_COUNT: '100' };
      expect(of({ ...element, IPCLUSTER_LAYOUT: '1(x100)' })?.interval).toBe(450_000);
      expect(of({ IPCLUSTER_ASK_DEADLINE: '' })).toBeUndefined();
    },
  );

  /** What the words in a job's script answer, asked in that environment beside such a tool. */
  function answer(script: string, tool: string, said: string, env: NodeJS.ProcessEnv): string {
    const lines = readFileSync(`test/golden/${script}/job.sh`, 'utf8').split('\n');
    const from = lines.findIndex((line) => line.startsWith('ask_deadline() {'));
    const to = lines.indexOf('export IPCLUSTER_ASK_DEADLINE');
    const began = lines.filter((line) => /^id=/.test(line));
    expect([from > 0, to > from]).toEqual([true, true]);
    writeFileSync(join(folder, tool), `#!/bin/bash\n${said}\n`);
    chmodSync(join(folder, tool), 0o755);
    const words = [
      ...began,
      ...lines.slice(from, to + 1),
      'exec /bin/bash -c "$IPCLUSTER_ASK_DEADLINE"',
    ].join('\n');
    const surroundings = { PATH: `${folder}:${process.env['PATH']}`, TZ: 'UTC', ...env };
    return spawnSync('/bin/bash', ['-c', words], { env: surroundings, encoding: 'utf8' }).stdout;
  }

  test('comes from squeue, whatever the user has told that in general', () => {
    const said =
      '[ -z "$SQUEUE_STATES$SLURM_TIME_FORMAT" ] && [ "$*" = "-h -j 12 -o %e" ] && echo ' +
      '2026-11-26T13:00:00';
    const env = { SLURM_JOB_ID: '12', SQUEUE_STATES: 'PENDING', SLURM_TIME_FORMAT: 'relative' };
    expect(answer('slurm-gang', 'squeue', said, env)).toBe('1795698000\n');
    expect(answer('slurm-gang', 'squeue', 'echo', env)).toBe('');
    expect(answer('slurm-gang', 'squeue', 'exit 1', env)).toBe('');
    expect(answer('slurm-gang', 'squeue', 'echo Unknown', env)).toBe('');
  });

  test('is the limit from the start on where squeue says nothing inside the job', () => {
    const lines = readFileSync('test/golden/slurm-gang/job.sh', 'utf8').split('\n');
    const part = lines.slice(
      lines.indexOf('end="${SLURM_JOB_END_TIME:-}"'),
      lines.indexOf('export IPCLUSTER_DEADLINE="$end"'),
    );
    const endOf = (said: string): number => {
      writeFileSync(join(folder, 'squeue'), `#!/bin/bash\n${said}\n`, { mode: 0o755 });
      const env = { PATH: `${folder}:${process.env['PATH']}`, TZ: 'UTC', SLURM_JOB_ID: '12' };
      const { stdout } = spawnSync('/bin/bash', ['-c', [...part, 'echo "$end"'].join('\n')], {
        env,
        encoding: 'utf8',
      });
      return Math.round(Number(stdout) - Date.now() / 1000);
    };
    for (const said of ['exit 1', 'echo', 'echo Unknown', 'echo N/A'])
      expect(Math.abs(endOf(said) - 3600), said).toBeLessThan(30);
    expect(endOf('date -d "+120 seconds" +%Y-%m-%dT%H:%M:%S')).toBeLessThan(125);
  });

  test('a step keeps the facts of its allocation, and no word that srun reads as an option', () => {
    const lines = readFileSync('test/golden/slurm-gang/job.sh', 'utf8').split('\n');
    const from = lines.findIndex((line) => line.startsWith('for variable in "${!SLURM_@}"'));
    const to = lines.findIndex((line) => line.includes('export SLURM_OVERLAP=1'));
    const left = (env: Record<string, string>): string => {
      const words = [...lines.slice(from, to + 1), 'env'].join('\n');
      return spawnSync('/bin/bash', ['-c', words], {
        env: { PATH: '/usr/bin:/bin', ...env },
        encoding: 'utf8',
      }).stdout;
    };
    const options = [
      'GPUS_PER_TASK',
      'NTASKS_PER_GPU',
      'GPU_BIND',
      'CPUS_PER_TASK',
      'MEM_PER_CPU',
      'EXACT',
      'TRES_PER_TASK',
    ];
    const facts = {
      SLURM_JOB_ID: '12',
      SLURM_JOB_NUM_NODES: '2',
      SLURM_GPUS_ON_NODE: '4',
      SLURM_RESTART_COUNT: '0',
    };
    const given = {
      ...facts,
      ...Object.fromEntries(options.map((name) => [`SLURM_${name}`, '1'])),
      SRUN_CPUS_PER_TASK: '2',
    };
    const kept = left(given)
      .split('\n')
      .filter((line) => /^(SLURM|SRUN)_/.test(line));
    expect(kept.sort()).toEqual(
      Object.entries(facts)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
    expect(left({ ...facts, SLURM_STEP_ID: '0' })).toContain('SLURM_OVERLAP=1');
  });

  test('comes from the limit that PBS has now', () => {
    const said =
      `[ "$*" = "-f 12[3].head" ] && printf 'Job Id: 12[3].head\\n    Resource_List.walltime = ` +
      `01:08:09\\n'`;
    const env = { PBS_JOBID: '12[3].head', IPCLUSTER_DEADLINE: '1795255888' };
    expect(answer('pbs-gang', 'qstat', said, env)).toBe(`${1795255888 - 3600 + 4089}\n`);
    expect(answer('pbs-gang', 'qstat', 'exit 1', env)).toBe('');
  });

  test(
    'comes from the limit that LSF has now, to the minute; the same minute is no change, an ' +
      'estimate no limit',
    () => {
      const lsf = (said: string, env: NodeJS.ProcessEnv = {}): string =>
        answer('lsf-gang', 'bjobs', said, { LSB_JOBID: '12', LSB_JOBINDEX: '0', ...env });
      const soon = Math.floor(Date.now() / 60_000) * 60 + 3600;
      const finish = (letter: string): string => `echo "$(date -d @${soon} '+%b %e %H:%M') ${letter}"`;
      expect(lsf(`[ "$*" = "-noheader -o finish_time 12" ] && ${finish('L')}`)).toBe(`${soon}\n`);
      expect(lsf(finish('L'), { IPCLUSTER_DEADLINE: String(soon + 42) })).toBe(`${soon + 42}\n`);
      expect(lsf(finish('L'), { IPCLUSTER_DEADLINE: String(soon + 600) })).toBe(`${soon}\n`);
      expect(lsf(finish('E'))).toBe('');
      expect(lsf("echo '-'")).toBe('');
      expect(lsf('exit 255')).toBe('');
      const element = { LSB_JOBINDEX: '3' };
      expect(lsf(`[ "$*" = "-noheader -o finish_time 12[3]" ] && ${finish('L')}`, element)).toBe(`${soon}\n`);
      const inYear = `echo "$(date -d '8 months ago' '+%b %e %H:%M') L"`;
      expect(Number(lsf(inYear)) * 1000 - Date.now()).toBeGreaterThan(0);
    },
  );
});
