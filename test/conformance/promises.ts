import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job, JobSpec, Launcher } from '../../src/launcher-kit/contract.js';
import { createLauncher, openLauncher } from '../../src/launcher-kit/registry.js';
import { isFinal } from '../../src/launcher-kit/states.js';
import { findMarked, markVariable } from '../../src/processes/table.js';
import { until } from '../helpers.js';
import { type Stage, stageOf } from './stages.js';

/**
 * What every launcher promises, whatever it launches with: tried on the stage of each of these, one after the
 * other.
 */
export function tryLaunchers(candidates: readonly string[]): void {
  const stages = candidates.flatMap((candidate) => {
    const stage = stageOf(candidate);
    return stage ? [{ stage, title: basename(candidate) }] : [];
  });
  describe.each(stages)('the launcher $title', ({ stage, title }) => tryLauncher(stage, title));
}

function tryLauncher(stage: Stage, title: string): void {
  const { launcher: name, options } = stage;
  const skip = stage.missing();
  const folder = mkdtempSync(join('/var/tmp', 'ipcluster-jobs-'));
  const mark = `conformance#${process.pid}#${title}`;
  let launcher: Launcher;
  let number = 0;

  const spec = (script: string, count = 1): JobSpec => {
    number += 1;
    const jobDir = join(folder, `job-${number}`);
    return {
      name: `job-${number}`,
      argv: ['/bin/sh', '-c', script],
      count,
      env: { [markVariable]: mark, GREETING: "it's" },
      jobDir,
    };
  };
  const launch = (script: string, count?: number): Promise<Job> => launcher.launch(spec(script, count));

  const ours = (found: string): boolean => found === mark || found.startsWith(`${mark}.`);

  beforeAll(async () => {
    stage.enter();
    launcher = createLauncher(await openLauncher(name), options);
  }, 180_000);

  afterAll(() => {
    const left = findMarked(ours).map(({ command }) => command);
    stage.leave();
    rmSync(folder, { recursive: true, force: true });
    expect(left).toEqual([]);
  }, 60_000);

  test.skipIf(skip)('has its name, a summary and described options', async () => {
    const definition = await openLauncher(name);
    expect(launcher.name).toBe(definition.name);
    expect(definition.summary).not.toBe('');
    for (const option of Object.values(definition.options.shape))
      expect((option as { description?: string }).description).toBeTruthy();
  });

  test.skipIf(skip)('plans without touching anything, and the plan is what is kept', async () => {
    const planned = spec('true');
    const plan = launcher.plan(planned);
    expect(plan).toEqual(launcher.plan(planned));
    expect(existsSync(planned.jobDir)).toBe(false);
    const job = await launcher.launch(planned);
    await job.ended;
    for (const { path, text } of plan.files) expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test.skipIf(skip)('runs the job with its environment, count and folder', async () => {
    const job = await launch('echo "$GREETING $IPCLUSTER_COUNT $IPCLUSTER_JOB_DIR" >&2', 3);
    expect((await job.ended).state).toEqual({ state: 'succeeded' });
    expect(await job.logTail(1)).toEqual([`it's 3 ${job.ref.jobDir}`]);
  });

  test.skipIf(skip)(
    'a job that fails is a value with its exit code, and its last words are at hand',
    async () => {
      const job = await launch('echo first >&2; echo last words >&2; exit 3');
      expect((await job.ended).state).toMatchObject({ state: 'failed', exitCode: 3 });
      expect(await job.logTail(1)).toEqual(['last words']);
      const verdict = launcher.explain({
        status: job.status,
        exitCode: 3,
        logTail: await job.logTail(5),
        files: [],
      });
      expect(verdict?.sentence).toContain('last words');
    },
  );

  test.skipIf(skip)('the reference is plain JSON by which another process can observe', async () => {
    const job = await launch('sleep 0.3; exit 4');
    const other = await launcher.attach(JSON.parse(JSON.stringify(job.ref)) as Job['ref']);
    expect(isFinal(other.status.state)).toBe(false);
    expect((await other.ended).state).toMatchObject({ state: 'failed', exitCode: 4 });
    expect((await launcher.attach(job.ref)).ref).toEqual(job.ref);
  });

  test.skipIf(skip)('watching tells of the end, and stopping to watch does not end the job', async () => {
    const job = await launch('sleep 0.3');
    const other = await launcher.attach(job.ref);
    await other[Symbol.asyncDispose]();
    const states: string[] = [];
    for await (const { state } of job.watch()) states.push(state.state);
    expect(states.at(-1)).toBe('succeeded');
  });

  test.skipIf(skip)('finds what lives, and only that', async () => {
    const job = await launch('sleep 30');
    expect(await launcher.find(folder, 'job-')).toEqual([job.ref]);
    await job.cancel();
    expect(await launcher.find(folder, 'job-')).toEqual([]);
    expect(await launcher.find(join(folder, 'none'), 'none-')).toEqual([]);
  });

  test.skipIf(skip)('cancel ends the job with everything in it, and says that it was cancelled', async () => {
    const job = await launch('sleep 31 & sleep 32 & wait');
    await until('three processes', () => findMarked(ours).length >= 3);
    await job.cancel();
    expect((await job.ended).state).toMatchObject({ state: 'cancelled' });
    await until('nothing is left', () => findMarked(ours).length === 0);
    await job.cancel();
  });

  test.skipIf(skip || stage.signals === false)(
    `a signal reaches the job${stage.signals === false ? ' (this system sends none to jobs)' : ''}`,
    async () => {
      const job = await launch(
        'trap "echo got it >&2; exit 5" USR2; echo ready >&2; while :; do sleep 0.05; done',
      );
      await until('ready', async () => (await job.logTail(1)).includes('ready'));
      await job.signal('SIGUSR2');
      expect((await job.ended).state).toMatchObject({ state: 'failed', exitCode: 5 });
      expect(await job.logTail(1)).toEqual(['got it']);
    },
  );

  test.skipIf(skip)('a job that is killed from outside is not called finished', async () => {
    const job = await launch('exec sleep 33');
    await until('it runs', () => findMarked(ours).some(({ command }) => command === 'sleep 33'));
    const groups = new Set(findMarked(ours).map(({ group }) => group));
    for (const group of groups) process.kill(-group, 'SIGKILL');
    expect((await job.ended).state.state).toMatch(/lost|failed/);
    await until('all are dead', () => findMarked(ours).length === 0);
  });

  test.skipIf(skip)('an abort before the launch starts nothing', async () => {
    const planned = spec('sleep 34');
    await expect(launcher.launch(planned, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
      'no',
    );
    expect(existsSync(planned.jobDir)).toBe(false);
  });

  test.skipIf(skip)('an unknown option is named', async () => {
    const definition = await openLauncher(name);
    expect(() => createLauncher(definition, ['colour=red'])).toThrow(/no option "colour"/);
    expect(() => createLauncher(definition, ['colour'])).toThrow(/key=value/);
  });
}
