// Jobs that an operator suspends: nobody takes their engines for busy ones, and no task is lost or done
// twice.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from '../bed.js';
import { operator, secondsOf } from './operator.js';

const engineJob = async (scene) => (await scene.json('status')).jobs?.find(({ role }) => role === 'engines');
const tasks = Array.from({ length: 12 }, (_unused, index) => String(index + 1));

/** Begins a map that notes each run of a task; answers its end, and what was noted. */
function beginMap(scene) {
  const notes = join(scene.folder, 'notes');
  const run = scene.run('map', '--', `sleep 0.6; echo {} >>${notes}`, ':::', ...tasks);
  const noted = () => {
    try {
      return readFileSync(notes, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  };
  return { run, noted };
}

export const rows = [
  {
    entry: 'F14 a job is suspended during a map',
    bed: 'slurm',
    expected:
      'status suspended; why suspended with scontrol resume ID, nothing of interrupt; after resume ' +
      'each task once',
    async run(scene) {
      await scene.start('-n', '2');
      const { ids } = await engineJob(scene);
      const { run, noted } = beginMap(scene);
      await until(() => noted().length >= 2);
      operator('scontrol', 'suspend', ids[0]);
      scene.is('status', (await engineJob(scene)).state, 'suspended');
      const before = noted().length;
      const { out } = await scene.run('why');
      scene.is('why', out.split('\n')[0], /^engines: .*suspended it.* \[suspended\]$/);
      scene.is('advice', out, new RegExp(`scontrol resume ${ids[0]}\``));
      scene.is('no interrupt', out.includes('interrupt'), false);
      scene.is('stands still', noted().length, before);
      operator('scontrol', 'resume', ids[0]);
      const { code } = await run;
      scene.is('map ends with', code, 0);
      scene.is(
        'each once',
        noted()
          .sort((a, b) => Number(a) - Number(b))
          .join(' '),
        tasks.join(' '),
      );
      scene.is('status then', (await engineJob(scene)).state, 'running');
    },
  },
  {
    entry: 'F14 one element of an array is suspended',
    bed: 'slurm',
    expected: 'status "1 running, 1 suspended"; why suspended, of part 1',
    async run(scene) {
      await scene.start('-n', '2', '--shape', 'array', '--ntasks-per-node', '1');
      const { ids } = await engineJob(scene);
      operator('scontrol', 'suspend', `${ids[0]}_1`);
      scene.is('status', (await engineJob(scene)).state, '1 running, 1 suspended');
      await scene.verdict('suspended', /1 of 2 parts of the job \(1\): The scheduler has suspended it/);
      operator('scontrol', 'resume', `${ids[0]}_1`);
      scene.is('status then', (await engineJob(scene)).state, 'running');
    },
  },
  {
    entry: 'F14 stop while the job is suspended',
    bed: 'slurm',
    expected: 'stop ends all within half a minute, exit code 0; nothing is left',
    async run(scene) {
      await scene.start('-n', '2');
      const { ids } = await engineJob(scene);
      operator('scontrol', 'suspend', ids[0]);
      const { result, seconds } = await secondsOf(() => scene.run('stop'));
      scene.is('exit code', result.code, 0);
      scene.is('seconds', seconds < 30 ? 'less than 30' : seconds, 'less than 30');
      scene.is('listed', operator('squeue', '-h', '-u', 'hpc', '-t', 'R,S,PD', '-o', '%T'), '');
    },
  },
  {
    entry: 'F14 a job is suspended before its engines are registered',
    bed: 'slurm',
    expected: 'the clock of 4 s does not run while it stands still; it comes to be after resume',
    async run(scene) {
      const prologue = 'sleep 2';
      const starting = scene.start('-n', '2', '--timeout', '4s', '--prologue', prologue);
      await until(() => existsSync(join(scene.jobFolder() ?? '/nowhere', 'node-0.log')), 15_000);
      const id = operator('squeue', '-h', '-u', 'hpc', '-t', 'R', '-o', '%A');
      operator('scontrol', 'suspend', id);
      await sleep(9000);
      operator('scontrol', 'resume', id);
      const { engines, error } = await starting;
      scene.is('engines', engines ?? error?.message, 2);
    },
  },
];
