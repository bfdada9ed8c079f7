// What is asked of Slurm instead of guessed, and jobs that Slurm itself holds.
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from '../bed.js';
import { root } from './limits-scene.js';

/** One line more in slurm.conf for as long as `act` takes. */
async function withLine(line, act) {
  const file = '/etc/slurm/slurm.conf';
  appendFileSync(file, `${line}\n`);
  root(['scontrol', 'reconfigure']);
  await sleep(1500);
  try {
    await act();
  } finally {
    root(['sed', '-i', '--follow-symlinks', `/^${line.split('=')[0]}=.*ours/d`, file]);
    root(['scontrol', 'reconfigure']);
    await sleep(1500);
  }
}

export const rows = [
  {
    entry: 'F8 the size of an element is that of the partition that was named',
    part: 'field',
    bed: 'accounting',
    expected: 'elements of two engines, of which two run there and two wait, and none is refused',
    run: (scene) =>
      withLine('PartitionName=small Nodes=n5 State=UP # ours', async () => {
        const { engines, error } = await scene.start(
          '--partition',
          'small',
          '--shape',
          'array',
          '-n',
          '4',
          '--min-engines',
          '2',
          '--time',
          '5m',
        );
        scene.is('engines', engines ?? `${error?.code} ${error?.verdict} ${error?.message}`, 2);
        const tasks = root(['squeue', '-h', '-r', '-u', 'hpc', '-o', '%K %C']).split('\n').sort().join(', ');
        scene.is('elements and their CPUs', tasks, '0 2, 1 2');
      }),
  },
  {
    entry: 'F9 launch failed requeued held',
    part: 'field',
    bed: 'accounting',
    expected: 'held, with the prolog and how it is let go',
    async run(scene) {
      const prolog = join('/tmp', 'prolog-ours');
      writeFileSync(prolog, '#!/bin/bash\nexit 1\n');
      chmodSync(prolog, 0o755);
      /** @type {any} */
      let said;
      await withLine(`Prolog=${prolog}`, async () => {
        const child = scene.spawn(
          'start',
          '--launcher',
          'slurm',
          '-n',
          '2',
          '--time',
          '5m',
          '--',
          '--requeue',
        );
        const reason = () => root(['squeue', '-h', '-u', 'hpc', '-o', '%r']);
        const isHeld = await until(() => /held/.test(reason()), 30_000);
        scene.is('reason', isHeld ? reason() : 'not held', /launch.failed.requeued.held/);
        said = await scene.json('why');
        child.kill('SIGINT');
        await new Promise((done) => child.once('close', done));
      });
      // Slurm drains a node whose prolog fails.
      const drained = [
        ...new Set(root(['sinfo', '-h', '-N', '-t', 'drain', '-o', '%N']).split('\n').filter(Boolean)),
      ];
      for (const name of drained) root(['scontrol', 'update', `nodename=${name}`, 'state=resume']);
      const [verdict] = said.findings ?? [];
      scene.is(
        'why',
        `${verdict?.code}: ${verdict?.sentence} ${verdict?.suggestions?.join(' ')}`,
        /^held: .*prolog.*holds it\..*scontrol release \d+/,
      );
    },
  },
];
