// Who says where a job goes and for how long, and what is told of it.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './limits-scene.js';

/** Partition, account and limit of the job that Slurm lists for the user. */
const held = () => root(['squeue', '-h', '-u', 'hpc', '-o', '%P %a %l']);

/** A start with variables of the user's, a site's file, and flags: what Slurm holds then. */
async function holds(scene, { env = {}, site, args }) {
  Object.assign(scene.env, env);
  if (site) {
    scene.env.IPCLUSTER_SITE_FILE = join(scene.folder, 'site.yaml');
    writeFileSync(scene.env.IPCLUSTER_SITE_FILE, site, { mode: 0o644 });
  }
  const { engines, error } = await scene.start('-n', '2', ...args);
  return engines === 2 ? held() : `${error?.code}: ${error?.message}`;
}

const row = (entry, expected, given, quick = true) => ({
  entry,
  part: 'field',
  bed: 'accounting',
  expected: String(expected),
  quick,
  async run(scene) {
    scene.is('Slurm has', await holds(scene, given), expected);
  },
});

const variables = { SBATCH_PARTITION: 'gpu', SBATCH_TIMELIMIT: '2:00:00' };

/** A site's job_submit.lua for as long as `act` takes. */
async function withFilter(body, act) {
  const folder = '/etc/slurm';
  const text =
    `function slurm_job_submit(job, parts, uid)\n${body}\nreturn slurm.SUCCESS\nend\nfunction ` +
    'slurm_job_modify(job, rec, parts, uid) return slurm.SUCCESS end\nreturn slurm.SUCCESS\n';
  writeFileSync(`${folder}/job_submit.lua`, text);
  appendFileSync(`${folder}/slurm.conf`, 'JobSubmitPlugins=lua\n');
  root(['scontrol', 'reconfigure']);
  try {
    await act();
  } finally {
    root(['sed', '-i', '--follow-symlinks', '/^JobSubmitPlugins/d', `${folder}/slurm.conf`]);
    rmSync(`${folder}/job_submit.lua`);
    root(['scontrol', 'reconfigure']);
  }
}

export const rows = [
  row('F1 a flag goes before SBATCH_*', 'debug proj1 1:00:00', {
    env: variables,
    args: ['--partition', 'debug', '--time', '1h'],
  }),
  row('F1 our environment goes before SBATCH_*', 'debug proj1 30:00', {
    env: { ...variables, IPCLUSTER_PARTITION: 'debug', IPCLUSTER_TIME: '30m' },
    args: [],
  }),
  row('F1 defaults of the site go before SBATCH_*', 'debug proj1 20:00', {
    env: variables,
    site: 'defaults: {partition: debug, time: 20m}\n',
    args: [],
  }),
  row('F1 SBATCH_* go before our defaults', 'gpu proj1 2:00:00', { env: variables, args: [] }),
  row('F1 what a site enforces goes before SBATCH_*', 'debug proj1 2:00:00', {
    env: variables,
    site: 'enforce: {partition: debug}\n',
    args: [],
  }),
  ...[['-p', 'gpu'], ['-pgpu'], ['--partition=gpu'], ['--parti', 'gpu']].map((words) =>
    row(
      `F1 a site enforces a partition, and after -- stands ${words.join(' ')}`,
      /^CONFIG: This site has a rule for partition/,
      { site: 'enforce: {partition: debug}\n', args: ['--', ...words] },
    ),
  ),
  {
    entry: 'F15 job_submit.lua moves it, and cuts its time',
    part: 'field',
    bed: 'accounting',
    expected: 'told, with the limit that holds',
    run: (scene) =>
      withFilter(
        'job.partition = "gpu"\njob.time_limit = 3\nslurm.log_user("moved to gpu, three minutes")',
        async () => {
          const { code, err, out } = await scene.run(
            'start',
            '--launcher',
            'slurm',
            '-d',
            '-n',
            '2',
            '--partition',
            'debug',
            '--time',
            '1h',
          );
          scene.is('exit code', code, 0);
          scene.is('Slurm has', held(), 'gpu proj1 3:00');
          const said = `${out}${err}`;
          scene.is(
            'told',
            /changed what was asked for.*/.exec(said)?.[0] ?? said,
            /queue gpu \(asked for: debug\), it ends after 3m 00s \(asked for: 1h/,
          );
          scene.is('note of sbatch', /says: .*/.exec(said)?.[0] ?? said, /moved to gpu, three minutes/);
        },
      ),
  },
];
