// Limits that were really set on Grid Engine: its own word, the verdict, which of four it is, and what comes
// of the advice.
import {
  add,
  admin,
  conf,
  quota,
  rowOf,
  saidOf,
  sched,
  startAside,
  submitted,
  user,
} from '../batch/gridengine.js';
import { sleep } from '../bed.js';

/** Which of four: it ends by itself; ask for less, and of what; nothing is left; it never starts as asked. */
const kinds = {
  wait: 'wait',
  less: 'ask for less',
  budget: 'no budget',
  never: 'never as asked',
  somebody: 'somebody must let it go',
};

/**
 * What a row on limits of Grid Engine has; the two makers below say what becomes of it.
 * @typedef {{ title: string, kind: string, code: string, word: RegExp, sentence: RegExp, set?: string, undo?:
 *   string, args?: string[], n?: number, advice?: any, better?: string[], prepare?: (scene: any) => any }}
 *   Limit
 */

/**
 * A job that waits: what Grid Engine says (`word`), what `why` says while it does and the start at its end
 * (`code`, `sentence`), and that it works after the advice was taken: `advice` for the waiting job, `better`
 * for another start.
 * @param {Limit} limit
 */
function waiting({
  title,
  kind,
  code,
  word,
  sentence,
  set,
  undo,
  args = [],
  n = 2,
  advice,
  better,
  prepare,
}) {
  return rowOf({
    set,
    undo,
    entry: `Grid Engine: ${title}`,
    part: 'limits',
    expected: `${kinds[kind]}: ${code}`,
    async run(scene) {
      const more = (await prepare?.(scene)) ?? [];
      const end = startAside(
        scene,
        '-n',
        String(n),
        ...(advice ? [] : ['--queue-timeout', '15s']),
        ...args,
        ...more,
      );
      const id = await submitted();
      await sleep(2500);
      scene.is('Grid Engine', saidOf(id), word);
      await scene.verdict(code, sentence);
      if (advice) {
        admin(advice.admin?.replaceAll('ID', id) ?? 'true');
        if (advice.user) user(scene, advice.user.replaceAll('ID', id));
        scene.is('engines after the advice', (await end()).engines, n);
      } else {
        const { error } = await end();
        scene.is('start', `${error?.code} ${error?.verdict}`, `QUEUE_TIMEOUT ${code}`);
        scene.is('it says', error?.message ?? '', sentence);
      }
      if (better) scene.is('engines as advised', (await scene.start(...better)).engines, Number(better[1]));
    },
  });
}

/** A submit that is refused: the verdict, its words and qsub's.
 * @param {Limit} limit */
function refused({ title, kind, code, sentence, word, set, undo, args = ['-n', '2'], prepare, better }) {
  return rowOf({
    set,
    undo,
    entry: `Grid Engine: ${title}`,
    part: 'limits',
    expected: `${kinds[kind]}: ${code}`,
    async run(scene) {
      await prepare?.(scene);
      const { error } = await scene.start(...args);
      scene.is('start', `${error?.code} ${error?.verdict}`, `SUBMIT_REFUSED ${code}`);
      scene.is('it says', error?.message ?? '', sentence);
      scene.is('qsub is quoted', error?.message ?? '', word);
      if (better?.length)
        scene.is('engines as advised', (await scene.start(...better)).engines, Number(better[1]));
    },
  });
}

const plain = (scene, words = '') =>
  user(
    scene,
    `printf '#!/bin/bash\\nsleep 600\\n' >plain.sh; qsub -terse -N plain -o /dev/null -j y ${words} plain.sh`,
  ).split('.')[0];
const acl = add('-Au', 'name shut\ntype ACL\nfshare 0\noticket 0\nentries hpc');
const noAcl = 'qconf -du hpc shut; qconf -dul shut';
const off = sched('schedd_job_info', 'false');
const on = sched('schedd_job_info', 'true');
const nothingSaid = /turned off/;
const project = add('-Aprj', 'name pj\noticket 0\nfshare 0\nacl NONE\nxacl NONE');

export const rows = [
  refused({
    title: 'max_u_jobs 1, and a job of the user is there',
    kind: 'wait',
    code: 'limit',
    set: conf('max_u_jobs', 1),
    undo: conf('max_u_jobs', 0),
    prepare: (scene) => plain(scene),
    sentence: /You may have 1 jobs here at once, waiting or running \(max_u_jobs\)/,
    word: /only 1 jobs are allowed per user \(current job count: 1\)/,
  }),
  refused({
    title: 'max_jobs 1, and a job is there',
    kind: 'wait',
    code: 'limit',
    set: conf('max_jobs', 1),
    undo: conf('max_jobs', 0),
    prepare: (scene) => plain(scene),
    sentence: /There may be 1 jobs here at once \(max_jobs\)/,
    word: /only 1 jobs are allowed per cluster/,
  }),
  waiting({
    title: 'maxujobs 1 in the scheduler, and a job of the user runs',
    kind: 'wait',
    code: 'limit',
    set: sched('maxujobs', 1),
    undo: sched('maxujobs', 0),
    prepare: (scene) => void plain(scene),
    word: /^qw .*job dropped because of user limitations/,
    sentence: /You may run 1 jobs at once here \(maxujobs\).*waits until others end/,
    advice: { user: 'qdel -u hpc plain', admin: sched('maxujobs', 0) },
  }),
  waiting({
    title: 'maxujobs 1, schedd_job_info off',
    kind: 'wait',
    code: 'limit',
    set: `${sched('maxujobs', 1)}; ${off}`,
    undo: `${sched('maxujobs', 0)}; ${on}`,
    prepare: (scene) => void plain(scene),
    word: nothingSaid,
    sentence: /You may run 1 jobs at once here \(maxujobs\)/,
  }),
  waiting({
    title: 'a resource quota of 2 slots for the user, both taken',
    kind: 'wait',
    code: 'limit',
    set: quota('u1', 'users {hpc} queues all.q to slots=2'),
    undo: 'qconf -drqs u1',
    prepare: (scene) => void plain(scene, '-t 1-2'),
    word: /^qw .*cannot run because it exceeds limit "hpc\/\/\/\/\/" in rule "u1\/1"/,
    sentence: /The resource quota set "u1" lets no more run at once: it waits until others end/,
    advice: { user: 'qdel plain' },
  }),
  waiting({
    title: 'a resource quota of no slots for the user',
    kind: 'never',
    code: 'over-limit',
    set: quota('z1', 'users hpc to slots=0'),
    undo: 'qconf -drqs z1',
    word: /^qw .*exceeds limit "\/\/\/\/\/" in rule "z1\/1"/,
    sentence: /It alone asks for more than the resource quota set "z1" allows: it never starts as asked/,
  }),
  waiting({
    title: 'a resource quota of no slots, schedd_job_info off',
    kind: 'never',
    code: 'over-limit',
    set: `${quota('z1', 'users hpc to slots=0')}; ${off}`,
    undo: `qconf -drqs z1; ${on}`,
    word: nothingSaid,
    sentence: /resource quota set "z1" allows: it never starts as asked/,
  }),
  waiting({
    title: 'a parallel environment under a quota of 2 slots, 4 asked',
    kind: 'less',
    code: 'never-fits',
    set: quota('q2', 'users hpc to slots=2'),
    undo: 'qconf -drqs q2',
    n: 4,
    args: ['--shape', 'gang', '-o', 'pe=smp'],
    word: /^qw .*cannot run in PE "smp" because it only offers 0 slots/,
    sentence: /The parallel environment "smp" can never give it so many slots/,
    better: ['-n', '2', '--shape', 'gang', '-o', 'pe=smp'],
  }),
  waiting({
    title: 'more slots than the hosts have',
    kind: 'less',
    code: 'never-fits',
    n: 99,
    args: ['--shape', 'gang', '-o', 'pe=smp'],
    word: /^qw .*cannot run in PE "smp" because it only offers 0 slots/,
    sentence: /can never give it so many slots: it never starts as asked/,
  }),
  waiting({
    title: 'a parallel environment that is in no queue',
    kind: 'never',
    code: 'never-fits',
    set: add(
      '-Ap',
      'pe_name lone\nslots 4\nuser_lists NONE\nxuser_lists NONE\nstart_proc_args NONE\nstop_proc_args ' +
        'NONE\nallocation_rule $pe_slots\ncontrol_slaves TRUE\njob_is_first_task FALSE\nurgency_slots ' +
        'min\naccounting_summary FALSE\nqsort_args NONE',
    ),
    undo: 'qconf -dp lone',
    args: ['--shape', 'gang', '-o', 'pe=lone'],
    word: /^qw .*cannot run in queue "all.q" because PE "lone" is not in PE list/,
    sentence: /The parallel environment "lone" is in no queue: it never starts as asked/,
    better: ['-n', '2', '--shape', 'gang', '-o', 'pe=smp'],
  }),
  waiting({
    title: 'more memory than a host has',
    kind: 'less',
    code: 'never-fits',
    args: ['--mem', '999G'],
    word: /^qw .*\(-l .*h_vmem=10\d+M\) cannot run at host "sge1" because it offers only hc:h_vmem=256.000G/,
    sentence:
      /No queue has what it asks for \(-l .*h_vmem=.*\): sge\d offers h_vmem=256.000G. It never starts as asked/,
    better: ['-n', '2', '--mem', '8G'],
  }),
  waiting({
    title: 'more memory than a host has, schedd_job_info off',
    kind: 'less',
    code: 'never-fits',
    set: off,
    undo: on,
    args: ['--mem', '999G'],
    word: nothingSaid,
    sentence: /sge\d offers h_vmem=256.000G. It never starts as asked/,
  }),
  waiting({
    title: 'an architecture that no host has',
    kind: 'never',
    code: 'never-fits',
    args: ['--', '-l', 'arch=foo'],
    word: /^qw .*cannot run at host "sge1" because it offers only hl:arch=lx-amd64/,
    sentence: /arch=foo.* offers arch=lx-amd64\. It never starts as asked/,
  }),
  refused({
    title: 'a host that there is not',
    kind: 'never',
    code: 'never-fits',
    args: ['-n', '2', '--', '-l', 'hostname=nosuch'],
    sentence: /There is no host of that name: it never starts as asked/,
    word: /can't resolve hostname "nosuch"/,
  }),
  waiting({
    title: 'all slots are taken',
    kind: 'wait',
    code: 'pending-resources',
    set: 'qconf -rattr queue slots 1 all.q',
    undo: 'qconf -rattr queue slots 16 all.q',
    prepare: (scene) => void plain(scene, '-t 1-2'),
    word: /^qw .*dropped because it is full/,
    sentence: /All slots that it could have are taken: it waits until others end/,
    advice: { user: 'qdel plain' },
  }),
  waiting({
    title: 'the queue is disabled',
    kind: 'somebody',
    code: 'partition-down',
    set: 'qmod -d all.q',
    undo: 'qmod -e all.q',
    word: /^qw .*queue instance "all.q@sge1" dropped because it is disabled/,
    sentence: /Its queue is disabled \(all.q@sge\d\)/,
    advice: { admin: 'qmod -e all.q' },
  }),
  waiting({
    title: 'the queue is disabled, schedd_job_info off',
    kind: 'somebody',
    code: 'partition-down',
    set: `qmod -d all.q; ${off}`,
    undo: `qmod -e all.q; ${on}`,
    word: nothingSaid,
    sentence: /Its queue is disabled \(all.q@sge\d\)/,
  }),
  waiting({
    title: 'the queue is suspended',
    kind: 'somebody',
    code: 'partition-down',
    set: 'qmod -sq all.q',
    undo: 'qmod -usq all.q',
    word: /^qw .*"all.q@sge1" dropped because it is temporarily not available/,
    sentence: /Its queue is suspended \(all.q@sge\d\)/,
    advice: { admin: 'qmod -usq all.q' },
  }),
  waiting({
    title: 'the queue is closed by its calendar',
    kind: 'wait',
    code: 'partition-down',
    set:
      `${add('-Acal', 'calendar_name night\nyear NONE\nweek mon-sun=0-24=off')}; qconf -rattr queue ` +
      'calendar night all.q; sleep 1',
    undo: 'qconf -rattr queue calendar NONE all.q; qconf -dcal night',
    word: /^qw .*"all.q@sge1" dropped because it is disabled/,
    sentence: /Its queue is disabled by its calendar \(all.q@sge\d\): it waits until the calendar opens it/,
    advice: { admin: 'qconf -rattr queue calendar NONE all.q' },
  }),
  waiting({
    title: 'the queue is in error state',
    kind: 'somebody',
    code: 'partition-down',
    // A shepherd that cannot be run is the queue's fault, not the job's.
    set: 'qconf -rattr queue prolog /nonexistent/prolog all.q',
    undo: "qconf -rattr queue prolog NONE all.q; qmod -cq all.q; qdel -u '*'",
    prepare: async (scene) => {
      plain(scene, '-t 1-2');
      await sleep(6000);
      admin('qconf -rattr queue prolog NONE all.q');
    },
    word: /^qw .*"all.q@sge1" dropped because it is (in error state|temporarily not available)/,
    sentence: /Its queue is in error state \(all.q@sge\d\)/,
    advice: { admin: "qmod -cq all.q; qmod -cj '*'" },
  }),
  waiting({
    title: 'held by the user',
    kind: 'somebody',
    code: 'held',
    args: ['--', '-h'],
    word: /^hqw .*Job is in hold state/,
    sentence: /You hold it yourself \(user hold\)/,
    advice: { user: 'qrls ID' },
  }),
  waiting({
    title: 'held by an operator',
    kind: 'somebody',
    code: 'held',
    set: 'qmod -d all.q',
    undo: 'qmod -e all.q',
    args: ['--', '-h'],
    prepare: () =>
      void setTimeout(() => submitted().then((id) => admin(`qhold -h o ${id}; qrls -h u ${id}`)), 100),
    word: /^hqw .*Job is in hold state/,
    sentence: /An operator holds it \(operator hold\): you cannot let it go yourself/,
    advice: { admin: 'qrls -h o ID; qmod -e all.q' },
  }),
  waiting({
    title: 'held by the system',
    kind: 'somebody',
    code: 'held',
    args: ['--', '-h'],
    prepare: () => void setTimeout(() => submitted().then((id) => admin(`qhold -h s ${id}`)), 100),
    word: /^hqw .*Job is in hold state/,
    sentence: /An administrator holds it \(system hold\)/,
    advice: { admin: 'qrls -h s ID; qrls -h u ID' },
  }),
  waiting({
    title: 'it waits for another job (-hold_jid)',
    kind: 'wait',
    code: 'pending-dependency',
    prepare: (scene) => ['--', '-hold_jid', plain(scene, '-h')],
    word: /^hqw .*job dropped because of job dependencies/,
    sentence: /It waits for the end of another job \(\d+\)/,
    advice: { user: 'qalter -hold_jid 0 ID' },
  }),
  waiting({
    title: 'a time to begin in years (-a), schedd_job_info off',
    kind: 'wait',
    code: 'pending-begin',
    set: off,
    undo: on,
    args: ['--', '-a', '203001010000'],
    word: nothingSaid,
    sentence: /It was asked to begin not before Tue Jan 1 00:00:00 2030/,
    advice: { user: 'qalter -a $(date +%m%d%H%M) ID' },
  }),
  waiting({
    title: 'set aside (Eqw): a folder that is not there',
    kind: 'somebody',
    code: 'launch-failed',
    prepare: (scene) => ['--', '-wd', `${scene.folder}/later`],
    word: /^Eqw .*can't chdir to .*later: No such file or directory/,
    sentence:
      /set it aside \(Eqw\): can't chdir to .*later: No such file or directory\. It stays there until it is released/,
    advice: { user: 'mkdir later; qmod -cj ID' },
  }),
  waiting({
    title: 'the user may not use the queue (xuser_lists)',
    kind: 'never',
    code: 'not-allowed',
    set: `${acl}; qconf -aattr queue xuser_lists shut all.q`,
    undo: `qconf -dattr queue xuser_lists shut all.q; ${noAcl}`,
    word: /^qw .*has no permission for cluster queue "all.q"/,
    sentence: /You may not use the queue all.q: it never starts as asked/,
  }),
  refused({
    title: 'the user may submit nothing (xuser_lists of the cluster)',
    kind: 'never',
    code: 'not-allowed',
    set: `${acl}; ${conf('xuser_lists', 'shut')}`,
    undo: `${conf('xuser_lists', 'NONE')}; ${noAcl}`,
    sentence: /You may not submit jobs to it/,
    word: /is not allowed to submit jobs/,
  }),
  waiting({
    title: 'the queue is for a project',
    kind: 'never',
    code: 'bad-account',
    set: `${project}; qconf -aattr queue projects pj all.q`,
    undo: 'qconf -dattr queue projects pj all.q; qconf -dprj pj',
    word: /^qw .*does not have the correct project to run in cluster queue "all.q"/,
    sentence:
      /The queue all.q is for jobs of certain projects, and it is of none of them: it never starts as asked/,
    better: ['-n', '2', '-o', 'account=project', '--account', 'pj'],
  }),
  refused({
    title: 'a project of others (-P)',
    kind: 'never',
    code: 'bad-account',
    set: `${acl}; ${add('-Aprj', 'name pj\noticket 0\nfshare 0\nacl NONE\nxacl shut')}`,
    undo: `qconf -dprj pj; ${noAcl}`,
    args: ['-n', '2', '-o', 'account=project', '--account', 'pj'],
    sentence: /That project is not yours/,
    word: /no access to project "pj" for user "hpc"/,
  }),
];
