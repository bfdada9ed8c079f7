// Limits that sacctmgr really set: Slurm's word, ours, and whether what is advised helps.
import { ofAssociation, ofQos, plainJob } from './limits-scene.js';

const two = ['-n', '2', '--time', '10m'];
const shorter = ['-n', '2', '--time', '2m'];
const one = ['-n', '1', '--time', '10m'];
const never = 'never as asked';
const wait = 'wait';
const deny = 'flags=DenyOnLimit';
const another = (scene) => plainJob(scene);
const anotherBound = (scene) => plainJob(scene, '--qos', 'bound');
const noBudget = { code: 'no-budget', kind: 'no budget', words: /no budget for it: your (account|QOS).*that other jobs end does not help/ };
const alone = (thing, owner) => new RegExp(`no more ${thing} \\(a limit of your ${owner}\\).*If it alone asks for more, it never starts`);

const associations = [
  ofAssociation('AssocGrpCPUMinutesLimit', ['GrpTRESMins=cpu=0'], two, noBudget),
  ofAssociation('AssocGrpBillingMinutes', ['GrpTRESMins=billing=0'], two, noBudget),
  ofAssociation('AssocGrpCPURunMinutesLimit', ['GrpTRESRunMins=cpu=5'], two, { code: 'limit', kind: wait, words: /waits until running jobs get on.*alone/, then: shorter }),
  ofAssociation('AssocMaxCpuMinutesPerJobLimit', ['MaxTRESMins=cpu=5'], two, { code: 'over-limit', kind: never, words: /more CPUs × time than your account allows one job: it never starts as asked/, then: shorter }),
  ofAssociation('AssocMaxWallDurationPerJobLimit', ['MaxWall=5'], two, { code: 'too-long', kind: never, words: /more time than your account allows one job: it never starts as asked/, then: shorter }),
  ofAssociation('AssocMaxCpuPerJobLimit', ['MaxTRES=cpu=1'], two, { code: 'over-limit', kind: never, words: /more CPUs than your account allows one job: it never starts as asked/, then: one }),
  ofAssociation('AssocMaxNodePerJobLimit', ['MaxTRES=node=1'], [...two, '--nodes', '2'], { code: 'over-limit', kind: never, words: /more nodes than your account allows one job/, then: [...two, '--nodes', '1'] }),
  ofAssociation('AssocGrpCpuLimit', ['GrpTRES=cpu=1'], two, { code: 'limit', kind: never, words: alone('CPUs', 'account'), then: one }),
  ofAssociation('AssocGrpMemLimit', ['GrpTRES=mem=100'], [...two, '--mem', '100M'], { code: 'limit', kind: never, words: alone('memory', 'account') }),
  ofAssociation('AssocGrpNodeLimit', ['GrpTRES=node=1'], [...two, '--nodes', '2'], { code: 'limit', kind: never, words: alone('nodes', 'account') }),
  ofAssociation('AssocGrpJobsLimit', ['GrpJobs=1'], two, { code: 'limit', kind: wait, words: /as many jobs running as your account allows: it waits until others end/, before: another, then: two }),
  ofAssociation('AssocMaxJobsLimit', ['MaxJobs=1'], two, { code: 'limit', kind: wait, words: /as many jobs running as your account allows: it waits/, before: another }),
  ofAssociation('AssocMaxSubmitJobLimit', ['MaxSubmitJobs=1'], two, { refused: true, code: 'limit', kind: wait, words: /as many jobs in the queue as your account allows\./, before: another, then: two }),
];

const qos = [
  ofQos('QOSMaxCpuPerUserLimit', ['MaxTRESPU=cpu=1'], two, { code: 'limit', kind: never, words: /Your jobs together may have no more CPUs \(a limit of your QOS\).*alone/, then: one }),
  ofQos('QOSMaxCpuPerJobLimit', ['MaxTRES=cpu=1'], two, { code: 'over-limit', kind: never, words: /more CPUs than your QOS allows one job: it never starts as asked/ }),
  ofQos('QOSMaxWallDurationPerJobLimit', ['MaxWall=5'], two, { code: 'too-long', kind: never, words: /more time than your QOS allows one job: it never starts as asked/ }),
  ofQos('QOSGrpCPUMinutesLimit', ['GrpTRESMins=cpu=0'], two, noBudget),
  ofQos('QOSGrpCpuLimit', ['GrpTRES=cpu=1'], two, { code: 'limit', kind: never, words: alone('CPUs', 'QOS') }),
  ofQos('QOSMinCpuNotSatisfied', ['MinTRES=cpu=4'], two, { code: 'under-minimum', kind: never, words: /less than the minimum of your QOS \(CPUs\): it never starts as asked/, then: ['-n', '4', '--time', '10m'] }),
  ofQos('QOSMaxJobsPerUserLimit', ['MaxJobsPU=1'], two, { code: 'limit', kind: wait, words: /as many jobs running as your QOS allows: it waits/, before: anotherBound }),
  ofQos('QOSGrpJobsLimit', ['GrpJobs=1'], two, { code: 'limit', kind: wait, words: /as many jobs running as your QOS allows: it waits/, before: anotherBound }),
  ofQos('QOSMaxSubmitJobPerUserLimit', ['MaxSubmitJobsPU=1'], two, { refused: true, code: 'limit', kind: wait, words: /as many jobs in the queue as your QOS allows\./, before: anotherBound }),
  ofQos('QOSGrpBillingMinutes', ['GrpTRESMins=billing=0', deny], two, { refused: true, code: 'no-budget', kind: 'no budget', words: /more than the whole budget of your QOS/ }),
  ofQos('QOSMaxCpuPerUserLimit', ['MaxTRESPU=cpu=1', deny], two, { refused: true, code: 'over-limit', kind: never, words: /alone asks for more CPUs than your QOS allows/, then: one }),
  ofQos('QOSMaxWallDurationPerJobLimit', ['MaxWall=5', deny], two, { refused: true, code: 'too-long', kind: never, words: /more time than your QOS allows one job\./, then: shorter }),
];

export const rows = [...associations, ...qos];
