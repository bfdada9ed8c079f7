// Why jobs wait or are refused where no account has a limit: nodes, reservations, other jobs, holds,
// licences, a site's own filter.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { until } from '../bed.js';
import { ofSystem, plainJob, root, runs, stateOf } from './limits-scene.js';

const two = ['-n', '2', '--time', '10m'];
const after = (args) => ({ after: true, ...(args && { args }) });
const nodes = 'n[1-5]';
const setNodes = (...words) => root(['scontrol', 'update', `nodename=${nodes}`, ...words]);
const reserve = (...words) => root(['scontrol', 'create', 'reservation', ...words]);
const unreserve = (name) => () => root(['scontrol', 'delete', `ReservationName=${name}`]);
const cancel =
  (...ids) =>
  () =>
    void root(['scancel', ...ids]);

/** All processors of the default partition, for a plain job of the user's. */
async function occupy(scene) {
  const id = plainJob(scene, '-n', '5', '-N', '5', '--exclusive');
  await runs(id);
  return id;
}

const places = [
  ofSystem('waits: Reserved for maintenance', /Reserved.for.maintenance/, ['-n', '2', '--time', '1h'], {
    kind: 'ask for less',
    code: 'maintenance',
    words: /would not end before maintenance begins: it waits until that is over/,
    advised: { args: ['-n', '2', '--time', '20m'] },
    prepare: () => {
      reserve(
        'ReservationName=maint',
        'StartTime=now+30minutes',
        'Duration=60',
        'Flags=MAINT',
        'Nodes=ALL',
        'Users=root',
      );
      return { undo: unreserve('maint') };
    },
  }),
  ofSystem('waits: nodes drained', /^(ReqNodeNotAvail|Nodes.required)/, two, {
    kind: 'wait',
    code: 'nodes-down',
    words: /down, drained or reserved/,
    advised: after(),
    prepare: () => {
      setNodes('state=drain', 'reason=cooling');
      return { undo: () => setNodes('state=resume') };
    },
  }),
  ofSystem('waits: PartitionDown', 'PartitionDown', [...two, '--partition', 'closed'], {
    kind: 'wait',
    code: 'partition-down',
    words: /The partition is closed/,
    advised: { args: [...two, '--partition', 'debug'] },
  }),
  ofSystem(
    'refused: more time than the partition allows',
    /Requested time limit is invalid/,
    ['-n', '2', '--partition', 'short', '--time', '1h'],
    {
      refused: true,
      kind: 'never as asked',
      code: 'too-long',
      words: /More time is asked for than that partition allows/,
      advised: { args: ['-n', '2', '--partition', 'short', '--time', '1m'] },
    },
  ),
  ofSystem('waits: Reservation', 'Reservation', two, {
    kind: 'wait',
    code: 'pending-resources',
    words: /a reservation/,
    prepare: () => {
      reserve('ReservationName=later', 'StartTime=now+60minutes', 'Duration=60', 'Nodes=n4', 'Users=hpc');
      return { more: ['--', '--reservation=later'], undo: unreserve('later') };
    },
  }),
  ofSystem('waits: Resources', 'Resources', two, {
    kind: 'wait',
    code: 'pending-resources',
    words: /next in line and waits for nodes to become free/,
    advised: after(),
    prepare: async (scene) => ({ undo: cancel(await occupy(scene)) }),
  }),
  ofSystem('waits: Priority', 'Priority', two, {
    kind: 'wait',
    code: 'pending-priority',
    words: /Jobs of higher priority are before it/,
    prepare: async (scene) => {
      const first = await occupy(scene);
      return { undo: cancel(first, plainJob(scene, '-n', '5', '-N', '5', '--exclusive')) };
    },
  }),
  ofSystem('waits: Licenses', 'Licenses', two, {
    kind: 'wait',
    code: 'pending-resources',
    words: /waits for a licence/,
    prepare: async (scene) => {
      const id = plainJob(scene, '--licenses=soft:1');
      await runs(id);
      return { more: ['--', '--licenses=soft:1'], undo: cancel(id) };
    },
  }),
];

const turns = [
  ofSystem('waits: Dependency', 'Dependency', two, {
    kind: 'wait',
    code: 'pending-dependency',
    words: /waits for another job/,
    prepare: async (scene) => {
      const id = plainJob(scene);
      await runs(id);
      return { more: ['--', `--dependency=afterany:${id}`], undo: cancel(id) };
    },
  }),
  ofSystem('waits: DependencyNeverSatisfied', 'DependencyNeverSatisfied', two, {
    kind: 'never as asked',
    code: 'never-starts',
    words: /waits for a job that ended another way: it will never start/,
    prepare: async (scene) => {
      const id = scene.asUser(
        'sbatch',
        '--parsable',
        '-n1',
        '-J',
        'plain',
        '-o',
        '/dev/null',
        '--wrap',
        'exit 1',
      );
      await until(() => stateOf(id) === 'FAILED');
      return { more: ['--', `--dependency=afterok:${id}`] };
    },
  }),
  ofSystem('waits: BeginTime', 'BeginTime', [...two, '--', '--begin=now+1hour'], {
    kind: 'wait',
    code: 'pending-begin',
    words: /Its time to begin has not come/,
  }),
  ofSystem('waits: JobHeldUser', 'JobHeldUser', [...two, '--', '--hold'], {
    kind: 'wait',
    code: 'held',
    words: /You hold it/,
  }),
  ofSystem('refused: a bad QOS', /Invalid qos specification/, [...two, '--qos', 'nosuch'], {
    refused: true,
    kind: 'never as asked',
    code: 'bad-qos',
    words: /no such QOS for you/,
  }),
  ofSystem('refused: a bad account', /Invalid account/, [...two, '--account', 'nosuch'], {
    refused: true,
    kind: 'never as asked',
    code: 'bad-account',
    words: /account is not yours/,
    advised: { args: [...two, '--account', 'proj1'] },
  }),
  ofSystem(
    'refused: a partition of others',
    /not permitted to use this partition/i,
    [...two, '--partition', 'private'],
    { refused: true, kind: 'never as asked', code: 'not-allowed', words: /may not use that partition/ },
  ),
  ofSystem(
    'refused: no node is so large',
    /More processors requested than permitted/,
    ['-n', '2', '--cpus-per-task', '64'],
    {
      refused: true,
      kind: 'never as asked',
      code: 'never-fits',
      words: /No node of that partition could ever give/,
    },
  ),
  ofSystem(
    'refused: job_submit.lua',
    /accounts of students end at ten minutes/,
    ['-n', '2', '--time', '1h'],
    {
      refused: true,
      kind: 'never as asked',
      code: 'refused',
      words: /The scheduler did not take the job/,
      advised: after(),
      prepare: () => {
        const folder = '/etc/slurm';
        const filter =
          'function slurm_job_submit(job, parts, uid)\n if job.time_limit > 10 and job.time_limit < ' +
          '4000000000 then\n  slurm.log_user("accounts of students end at ten minutes")\n  return ' +
          'slurm.ERROR\n ' +
          'end\n return slurm.SUCCESS\nend\nfunction slurm_job_modify(job, rec, parts, uid) return ' +
          'slurm.SUCCESS ' +
          'end\nreturn slurm.SUCCESS\n';
        writeFileSync(`${folder}/job_submit.lua`, filter);
        appendFileSync(`${folder}/slurm.conf`, 'JobSubmitPlugins=lua\n');
        root(['scontrol', 'reconfigure']);
        return {
          undo: () => {
            root(['sed', '-i', '--follow-symlinks', '/^JobSubmitPlugins/d', `${folder}/slurm.conf`]);
            rmSync(`${folder}/job_submit.lua`);
            root(['scontrol', 'reconfigure']);
          },
        };
      },
    },
  ),
];

export const rows = [...places, ...turns];
