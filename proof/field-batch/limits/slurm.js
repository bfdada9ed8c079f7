// What is set, what is asked for, Slurm's word for it, and what a user must be told. `advice`: what the
// verdict advises, done then.
import { execFileSync } from 'node:child_process';
import { until } from '../../bed.js';

const asRoot = (...argv) =>
  execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const account = (limit) => [`account proj1 set ${limit}`];
const user = (limit) => [`user hpc set ${limit}`];
const qos = (...limits) => limits.map((limit) => `qos limited set ${limit}`);
const two = ['-n', '2'];
const four = ['-n', '4'];

/** Another job of the same user, which runs; `words` are more for its submit. */
const occupy =
  (cpus, ...words) =>
  async (scene) => {
    scene.other = scene.asUser(
      'sbatch',
      '--parsable',
      '-J',
      'plain',
      '-o',
      '/dev/null',
      '-n',
      String(cpus),
      '-t',
      '10',
      ...words,
      '--wrap',
      'sleep 600',
    );
    await until(() => asRoot('squeue', '-h', '-j', scene.other, '-o', '%T').trim() === 'RUNNING');
  };
const free = (scene) => void asRoot('scancel', scene.other);

/** The wait is over: the start that waits comes to its engines. */
const freed = async (scene, _child, over) => {
  free(scene);
  scene.is('then the start ends with', await over, 0);
};

export const associationLimits = [
  {
    name: 'AssocGrpCpuLimit, the job alone is larger',
    limits: account('GrpTRES=cpu=2'),
    args: four,
    word: /AssocGrpCpuLimit/,
    code: 'over-limit',
    which: 'never as asked',
    advice: two,
    quick: true,
  },
  {
    name: 'AssocGrpCpuLimit, beside others',
    before: occupy(4),
    limits: account('GrpTRES=cpu=6'),
    args: four,
    word: /AssocGrpCpuLimit/,
    code: 'limit',
    which: 'wait',
    meanwhile: freed,
  },
  {
    name: 'AssocGrpCPUMinutesLimit',
    limits: account('GrpTRESMins=cpu=0'),
    args: two,
    word: /AssocGrpCPUMinutesLimit/,
    code: 'no-budget',
    which: 'no budget',
    quick: true,
  },
  {
    name: 'AssocGrpCPURunMinutesLimit',
    limits: account('GrpTRESRunMins=cpu=10'),
    args: [...two, '--time', '10m'],
    word: /AssocGrpCPURunMinutesLimit/,
    code: 'over-limit',
    which: 'never as asked',
    advice: [...two, '--time', '2m'],
  },
  {
    name: 'AssocMaxCpuMinutesPerJobLimit',
    limits: account('MaxTRESMins=cpu=5'),
    args: [...two, '--time', '10m'],
    word: /AssocMaxCpuMinutesPerJobLimit/,
    code: 'over-limit',
    which: 'less',
    advice: [...two, '--time', '2m'],
    quick: true,
  },
  {
    name: 'AssocMaxWallDurationPerJobLimit',
    limits: account('MaxWall=5'),
    args: [...two, '--time', '10m'],
    word: /AssocMaxWallDurationPerJobLimit/,
    code: 'too-long',
    which: 'less',
    advice: [...two, '--time', '4m'],
  },
  {
    name: 'AssocMaxCpuPerJobLimit',
    limits: account('MaxTRES=cpu=2'),
    args: four,
    word: /AssocMaxCpuPerJobLimit/,
    code: 'over-limit',
    which: 'less',
    advice: two,
  },
  {
    name: 'AssocMaxNodePerJobLimit',
    limits: account('MaxTRES=node=1'),
    args: [...two, '--nodes', '2'],
    word: /AssocMaxNodePerJobLimit/,
    code: 'over-limit',
    which: 'less',
    advice: two,
  },
  {
    name: 'AssocGrpNodeLimit, the job alone is larger',
    limits: account('GrpTRES=node=1'),
    args: [...two, '--nodes', '2'],
    word: /AssocGrpNodeLimit/,
    code: 'over-limit',
    which: 'never as asked',
    advice: two,
  },
  {
    name: 'AssocGrpMemLimit, the job alone is larger',
    limits: account('GrpTRES=mem=300'),
    args: four,
    word: /AssocGrpMemLimit/,
    code: 'over-limit',
    which: 'never as asked',
  },
  {
    name: 'AssocGrpBillingMinutes',
    limits: account('GrpTRESMins=billing=0'),
    args: two,
    word: /AssocGrpBillingMinutes/,
    code: 'no-budget',
    which: 'no budget',
  },
  {
    name: 'AssocGrpWallLimit',
    limits: account('GrpWall=0'),
    args: two,
    word: /AssocGrpWallLimit/,
    code: 'no-budget',
    which: 'no budget',
  },
  {
    name: 'AssocMaxJobsLimit',
    before: occupy(1),
    limits: user('MaxJobs=1'),
    args: two,
    word: /AssocMaxJobsLimit/,
    code: 'limit',
    which: 'wait',
    meanwhile: freed,
  },
  {
    name: 'AssocGrpJobsLimit',
    before: occupy(1),
    limits: account('GrpJobs=1'),
    args: two,
    word: /AssocGrpJobsLimit/,
    code: 'limit',
    which: 'wait',
    after: free,
  },
  {
    name: 'AssocMaxSubmitJobLimit',
    before: occupy(1),
    limits: user('MaxSubmitJobs=1'),
    args: two,
    refused: true,
    word: /AssocMaxSubmitJobLimit/,
    code: 'limit',
    which: 'wait',
    after: free,
  },
  {
    name: 'AssocGrpSubmitJobsLimit',
    before: occupy(1),
    limits: account('GrpSubmitJobs=1'),
    args: two,
    refused: true,
    word: /AssocGrpSubmitJobsLimit/,
    code: 'limit',
    which: 'wait',
    after: free,
  },
];

const limited = ['--qos', 'limited'];
const withQos = (rows) =>
  rows.map((row) => ({
    ...row,
    args: [...row.args, ...limited],
    advice: row.advice && [...row.advice, ...limited],
  }));

export const qosLimits = withQos([
  {
    name: 'QOSMaxWallDurationPerJobLimit',
    limits: qos('MaxWall=5'),
    args: [...two, '--time', '10m'],
    word: /QOSMaxWallDurationPerJobLimit/,
    code: 'too-long',
    which: 'less',
    advice: [...two, '--time', '4m'],
  },
  {
    name: 'QOSMaxCpuPerUserLimit, the job alone is larger',
    limits: qos('MaxTRESPU=cpu=2'),
    args: four,
    word: /QOSMaxCpuPerUserLimit/,
    code: 'over-limit',
    which: 'never as asked',
    advice: two,
  },
  {
    name: 'QOSMaxCpuPerUserLimit, beside others',
    before: occupy(4, '--qos', 'limited'),
    limits: qos('MaxTRESPU=cpu=6'),
    args: four,
    word: /QOSMaxCpuPerUserLimit/,
    code: 'limit',
    which: 'wait',
    meanwhile: freed,
  },
  {
    name: 'QOSMinCpuNotSatisfied',
    limits: qos('MinTRES=cpu=4'),
    args: two,
    word: /QOSMinCpuNotSatisfied/,
    code: 'under-minimum',
    which: 'less',
    advice: four,
    engines: 4,
  },
  {
    name: 'QOSGrpCpuLimit, the job alone is larger',
    limits: qos('GrpTRES=cpu=2'),
    args: four,
    word: /QOSGrpCpuLimit/,
    code: 'over-limit',
    which: 'never as asked',
    advice: two,
  },
  {
    name: 'QOSGrpCPUMinutesLimit',
    limits: qos('GrpTRESMins=cpu=0'),
    args: two,
    word: /QOSGrpCPUMinutesLimit/,
    code: 'no-budget',
    which: 'no budget',
  },
  {
    name: 'QOSMaxJobsPerUserLimit',
    before: occupy(1, '--qos', 'limited'),
    limits: qos('MaxJobsPU=1'),
    args: two,
    word: /QOSMaxJobsPerUserLimit/,
    code: 'limit',
    which: 'wait',
    after: free,
  },
  {
    name: 'QOSMaxNodePerUserLimit, the job alone is larger',
    limits: qos('MaxTRESPU=node=1'),
    args: [...two, '--nodes', '2'],
    word: /QOSMaxNodePerUserLimit/,
    code: 'over-limit',
    which: 'never as asked',
  },
  {
    name: 'QOSMaxCpuPerJobLimit',
    limits: qos('MaxTRES=cpu=2'),
    args: four,
    word: /QOSMaxCpuPerJobLimit/,
    code: 'over-limit',
    which: 'less',
    advice: two,
  },
  {
    name: 'QOSMaxSubmitJobPerUserLimit, an array',
    limits: qos('MaxSubmitJobsPU=2'),
    args: [...four, '--shape', 'array', '--ntasks-per-node', '1'],
    refused: true,
    word: /QOSMaxSubmitJobPerUserLimit/,
    code: 'limit',
    which: 'less',
    advice: [...four, '--shape', 'gang'],
    engines: 4,
    quick: true,
  },
  {
    name: 'QOSMaxCpuPerUserLimit, refused (DenyOnLimit)',
    limits: qos('flags=DenyOnLimit', 'MaxTRESPU=cpu=2'),
    args: four,
    refused: true,
    word: /QOSMaxCpuPerUserLimit/,
    code: 'over-limit',
    which: 'less',
    advice: two,
  },
  {
    name: 'QOSMaxWallDurationPerJobLimit, refused',
    limits: qos('flags=DenyOnLimit', 'MaxWall=5'),
    args: [...two, '--time', '10m'],
    refused: true,
    word: /QOSMaxWallDurationPerJobLimit/,
    code: 'too-long',
    which: 'less',
  },
  {
    name: 'QOSGrpBillingMinutes, refused',
    limits: qos('flags=DenyOnLimit', 'GrpTRESMins=billing=0'),
    args: two,
    refused: true,
    word: /QOSGrpBillingMinutes/,
    code: 'no-budget',
    which: 'no budget',
  },
]);
