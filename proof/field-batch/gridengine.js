// Grid Engine as users have it: paths, defaults of their own for qsub, sizes, what waits, what is suspended.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { admin, conf, listed, rowOf, startAside, submitted, user } from '../batch/gridengine.js';
import { sleep } from '../bed.js';

const row = (entry, expected, run) => rowOf({ entry, expected, run });

/**
 * A file of defaults for qsub while `run` runs: in the user's home as the accounts know it, or in the working
 * folder.
 */
async function withRequests(where, text, run) {
  const file =
    where === 'home' ? `$(getent passwd hpc | cut -d: -f6)/.sge_request` : `${where.folder}/.sge_request`;
  admin(`printf '%s\\n' '${text}' >${file}; chmod 644 ${file}`);
  try {
    await run();
  } finally {
    admin(`rm -f ${file}`);
  }
}

/** A start that is refused by name: its error, its exit code, and that nothing was submitted. */
async function refusedByName(scene, what, code, words, ...args) {
  const { code: exit, out } = await scene.run(
    'start',
    '--launcher',
    'sge',
    '-d',
    '--json',
    '-n',
    '2',
    ...args,
  );
  const { error } = JSON.parse(out.trim().split('\n').at(-1));
  scene.is(what, `${exit} ${error?.code} ${error?.message}`, new RegExp(`^2 ${code} .*${words}`, 's'));
  scene.is('submitted', listed(' ipc-').length, 0);
}

const asked = (id) =>
  admin(
    `qstat -j ${id} | sed -n 's/^\\(hard resource_list\\|hard_queue_list\\|account\\|job_name\\):/&/p' ` +
      `| tr -s ' \\n' ' '`,
  );

/** Starts two engines and says what their job asks for. */
async function askedBy(scene, ...args) {
  const { engines, error } = await scene.start('-n', '2', ...args);
  const said = `${engines ?? error?.message} ${asked(listed(' ipc-')[0]?.split(' ')[0])}`;
  await scene.run('stop');
  return said;
}

const odd = ['a b', "it's", 'q"q', 'd$x', 'b\\s', 'c:d', 'k,l', 'ü', 'h#h', 's*?[x]', '-dash'];

export const rows = [
  row(
    'F16 Grid Engine: a work folder with blanks, quotes, $, \\, :, comma, ü, #',
    'two engines in each',
    async (scene) => {
      for (const name of odd) {
        const folder = join(scene.folder, 'w', name);
        const { engines, error } = await scene.start('-n', '2', '--work-dir', folder);
        scene.is(name, engines ?? error?.message, 2);
        await scene.run('stop');
      }
    },
  ),
  row(
    'F16 Grid Engine: such a work folder, and two hosts of a parallel environment',
    'four engines on two hosts',
    async (scene) => {
      const folder = join(scene.folder, 'a b', 'it\'s "q" $x,c:d ü');
      const { engines, error } = await scene.start(
        '-n',
        '4',
        '--shape',
        'gang',
        '-o',
        'pe=mpi',
        '--work-dir',
        folder,
      );
      scene.is('engines', engines ?? error?.message, 4);
      const { engines: known = [] } = await scene.json('status');
      scene.is('hosts', [...new Set(known.map(({ host }) => host))].sort().join(), 'sge1,sge2');
    },
  ),
  row('F16 Grid Engine: such a profile folder, and such a working folder', 'two engines', async (scene) => {
    scene.env.IPYTHONDIR = join(scene.folder, 'it\'s "my" $HOME,c:d');
    scene.is('engines', (await scene.start('-n', '2', '--work-dir', join(scene.folder, 'work'))).engines, 2);
  }),
  row(
    'F16 Grid Engine: what it replaces in paths, or would take for another word',
    'refused by name, exit code 2',
    async (scene) => {
      await refusedByName(
        scene,
        '$USER',
        'USAGE',
        'puts a value in the place of \\$USER',
        '--work-dir',
        join(scene.folder, 'x$USERy'),
      );
      await refusedByName(
        scene,
        'a line break',
        'CONFIG',
        'one line',
        '--work-dir',
        join(scene.folder, 'a\nb'),
      );
      await refusedByName(scene, 'queue', 'USAGE', '--partition is "a b"', '--partition', 'a b');
      await refusedByName(scene, 'account', 'USAGE', '--account is "a#b"', '--account', 'a#b');
      await refusedByName(scene, 'pe', 'USAGE', '-o pe is "-now', '-o', 'pe=-now y', '--shape', 'gang');
    },
  ),
  row('F16 Grid Engine: -sync y in ~/.sge_request', 'two engines as soon as without', async (scene) => {
    await withRequests('home', '-sync y', async () => {
      const begin = performance.now();
      const { engines, error } = await scene.start('-n', '2');
      scene.is('engines', engines ?? error?.message, 2);
      scene.is('within 20 s', performance.now() - begin < 20_000, true);
    });
  }),
  row('F16 Grid Engine: -sync y after --', 'two engines as soon as without', async (scene) => {
    const begin = performance.now();
    const { engines, error } = await scene.start('-n', '2', '--', '-sync', 'y');
    scene.is('engines', engines ?? error?.message, 2);
    scene.is('within 20 s', performance.now() - begin < 20_000, true);
  }),
  row(
    'Grid Engine: ~/.sge_request says how qsub works (-N -o -j -S -b -now -w v -t)',
    'two engines, and a controller of its own',
    async (scene) => {
      await withRequests(
        'home',
        '-N mine -o /nonexistent/x -j n -S /bin/csh\n-b y -now y -w v -t 1-4 -terse',
        async () => {
          const { engines, error } = await scene.start('-n', '2', '--controller', 'job');
          scene.is('engines', engines ?? error?.message, 2);
          scene.is(
            'jobs',
            listed()
              .map((line) => line.split(' ').slice(1).join(' '))
              .join(),
            /^r ipc-\w+,r ipc-\w+,r ipc-\w+$/,
          );
        },
      );
    },
  ),
  row(
    'Grid Engine: the user’s own queue, project, time and resources in .sge_request',
    'they hold until something is named',
    async (scene) => {
      const text = '-q all.q # mine\n-A mine -l h_rt=4:00:00,gpu=1';
      await withRequests(scene, text, async () => {
        scene.is(
          'nothing named',
          await askedBy(scene),
          /^2 account: mine hard resource_list: gpu=1,h_rt=14400 .*job_name: ipc-\S+ hard_queue_list: all\.q$/,
        );
        scene.is(
          'flags',
          await askedBy(scene, '--time', '30m', '--account', 'flag'),
          /^2 account: flag hard resource_list: gpu=1,h_rt=1800 /,
        );
        scene.env.IPCLUSTER_ACCOUNT = 'variable';
        scene.is('our variable', await askedBy(scene), /^2 account: variable /);
        delete scene.env.IPCLUSTER_ACCOUNT;
        const profile = join(scene.env.IPYTHONDIR, 'profile_default');
        writeFileSync(join(profile, 'ipcluster_config.yaml'), 'account: profile\n');
        scene.is('profile', await askedBy(scene), /^2 account: profile /);
        rmSync(join(profile, 'ipcluster_config.yaml'));
        scene.env.IPCLUSTER_SITE_FILE = join(scene.folder, 'site.yaml');
        writeFileSync(scene.env.IPCLUSTER_SITE_FILE, 'defaults:\n  account: site\n');
        scene.is('site', await askedBy(scene), /^2 account: site /);
        writeFileSync(scene.env.IPCLUSTER_SITE_FILE, 'enforce:\n  account: boss\n  time: {max: 2h}\n');
        scene.is('enforced', await askedBy(scene), /^2 account: boss hard resource_list: gpu=1,h_rt=7200 /);
        await refusedByName(
          scene,
          'another one after --',
          'CONFIG',
          'a rule for account',
          '--',
          '-A',
          'mine2',
        );
        await refusedByName(
          scene,
          'more time after --',
          'CONFIG',
          'a rule for time',
          '--',
          '-l',
          'h_rt=3:0:0',
        );
        await refusedByName(
          scene,
          'another one by a directive',
          'CONFIG',
          'a rule for account',
          '--directives',
          '-A=mine3',
        );
      });
    },
  ),
  row('Grid Engine: -hold_jid in .sge_request', 'pending-dependency', async (scene) => {
    const plain = user(
      scene,
      "printf '#!/bin/bash\\nsleep 600\\n' >plain.sh; qsub -terse -h -N plain plain.sh",
    );
    await withRequests(scene, `-hold_jid ${plain}`, async () => {
      const end = startAside(scene, '-n', '2', '--queue-timeout', '9s');
      await submitted();
      await sleep(2500);
      await scene.verdict(
        'pending-dependency',
        new RegExp(`waits for the end of another job \\(${plain}\\)`),
      );
      scene.is('start', (await end()).error?.verdict, 'pending-dependency');
    });
  }),
  row('Grid Engine: -verify in .sge_request', 'refused by name, exit code 2', async (scene) => {
    await withRequests(scene, '-verify', async () => {
      await refusedByName(scene, 'start', 'CONFIG', 'takes no job while `-verify` is among its defaults');
    });
  }),
  row('F8 Grid Engine: max_aj_tasks 3, eight engines', 'eight engines in three arrays', async (scene) => {
    admin(conf('max_aj_tasks', 3));
    try {
      scene.is('engines', (await scene.start('-n', '8')).engines, 8);
      scene.is('jobs', new Set(listed(' ipc-').map((line) => line.split(' ')[0])).size, 3);
    } finally {
      admin(conf('max_aj_tasks', 75_000));
    }
  }),
  row('F8 Grid Engine: max_aj_instances 2, four engines', 'four engines in two arrays', async (scene) => {
    admin(conf('max_aj_instances', 2));
    try {
      scene.is('engines', (await scene.start('-n', '4')).engines, 4);
    } finally {
      admin(conf('max_aj_instances', 2000));
    }
  }),
  row('F8 Grid Engine: qconf does not answer', 'two engines, ten seconds later', async (scene) => {
    scene.wrap('qconf', 'sleep 60');
    const begin = performance.now();
    scene.is('engines', (await scene.start('-n', '2')).engines, 2);
    scene.is('within 30 s', performance.now() - begin < 30_000, true);
  }),
];
