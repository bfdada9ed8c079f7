// Two clusters, two starts, and the clock.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../bed.js';
import { lease } from './scene.js';

const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

export const clusterFaults = [
  {
    name: 'two clusters at once, one is killed',
    expected: 'the other goes on as if nothing had been',
    async run(scene) {
      await scene.start(1);
      await scene.bed.run('start', '-n', '1', '-d', '--cluster-id', 'other', '--lease', `${lease}s`);
      const work = scene.work(200);
      await work.some(10);
      const { text } = await scene.bed.run('kill', '--cluster-id', 'other');
      scene.check(`the other is ended (${text.trim()})`, /[45] processes ended/.test(text));
      await work.settled();
      await scene.says('list', /default .*running/);
    },
  },
  {
    name: 'two `start` at once on one id',
    expected: 'one starts, the other is refused with CLUSTER_RUNNING',
    quick: true,
    async run(scene) {
      const both = await Promise.all(
        [1, 2, 3].map(() => scene.bed.run('start', '-n', '1', '-d', '--lease', `${lease}s`)),
      );
      const codes = both.map(({ code }) => code).sort();
      scene.check(`exit codes 0 2 2 (${codes})`, codes.join() === '0,2,2');
      scene.said.push(both.find(({ code }) => code === 2)?.text.split('\n')[0] ?? '');
      scene.check('one controller', scene.bed.pidsOf('ipcontroller').length === 1);
      scene.bed.client = await scene.bed.connect();
      await scene.work(20).settled();
    },
  },
  {
    name: 'the clock is set back by a day while tasks run',
    expected: 'nobody notices: leases and waits count another clock',
    needs: fakeTime,
    async run(scene) {
      if (!existsSync(fakeTime)) return scene.wrong('libfaketime is not installed (Debian: faketime)');
      const clock = join(scene.bed.folder, 'clock');
      writeFileSync(clock, '+0d\n');
      const env = {
        LD_PRELOAD: fakeTime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        DONT_FAKE_MONOTONIC: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
      await scene.start(2, [], env);
      await scene.remember();
      const work = scene.work(300);
      await work.some(30);
      writeFileSync(clock, '-1d\n');
      await work.settled();
      await sleep((lease + 1) * 1000);
      const [then, now] = [await scene.client.direct(0).execute('Date.now()'), Date.now()];
      scene.check('the clock of the engines is a day back', now - then > 80_000_000);
      await scene.remembers();
      await scene.says('status', /running/);
    },
  },
];
