// Disks and files: full, half-written, deleted, stale, somebody else's.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../bed.js';
import { lease } from './scene.js';

/** A small disk of its own at that place, until the row is over. */
function smallDisk(scene, path, megabytes, options = '') {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700${options}`, 'none', path]);
  scene.ends.push(() => execFileSync('umount', ['-l', path]));
}

/** Fills a disk to the last block; answers how to make room again. */
function fill(folder) {
  const path = join(folder, 'filler');
  try {
    for (;;) writeFileSync(path, Buffer.alloc(65_536), { flag: 'a' });
  } catch {
    if (statfsSync(folder).bavail > 16) throw new Error('the disk did not fill');
  }
  return () => rmSync(path);
}

/**
 * The disk fills under running tasks: work goes on, it is said, and the disk is used again when there is
 * room.
 */
async function fullUnderWork(scene, folder, where) {
  const makeRoom = fill(folder);
  const big = scene.client.balanced().map(
    (x) => [x, 'x'.repeat(8_000)],
    Array.from({ length: 300 }, (_unused, x) => x),
    { chunk: 1 },
  );
  const values = await big;
  scene.lost += 300 - new Set(values.map(([x]) => x)).size;
  await scene.says(`status${where}`, /tasks and results are not on disk: memory \([^)]*\)/);
  await scene.says(`why${where}`, /The disk of .* is full/);
  makeRoom();
  const back = await until(
    async () => !(await scene.client.status()).controller.store.startsWith('memory'),
    10_000,
  );
  scene.check('the disk is used again', back);
  scene.check(
    'a result of that time is still there',
    (await scene.client.result(big.ids[0])).answers.length === 1,
  );
}

const clientFile = (scene) => scene.bed.path('security', 'ipcontroller-client.json');

export const stateFaults = [
  {
    name: 'the disk of workDir fills up under running tasks',
    expected: 'results go on into memory with a warning, and back to disk when there is room',
    quick: true,
    async run(scene) {
      const disk = join(scene.bed.folder, 'work');
      smallDisk(scene, disk, 8);
      await scene.start(1, ['--work-dir', disk]);
      await fullUnderWork(scene, disk, ` --work-dir ${disk}`);
    },
  },
  {
    name: 'the disk of the profile fills up under running tasks',
    expected: 'the same',
    async run(scene) {
      const disk = scene.bed.path();
      smallDisk(scene, disk, 8);
      await scene.start(1);
      await fullUnderWork(scene, disk, '');
      await scene.bed.client.close();
      await scene.bed.run('stop');
    },
  },
  {
    name: '/tmp is full to the last file before the start',
    expected: 'the start fails with a sentence and leaves nothing',
    async run(scene) {
      const disk = join(scene.bed.folder, 'tmp');
      smallDisk(scene, disk, 1, ',nr_inodes=2');
      writeFileSync(join(disk, 'last'), '');
      Object.assign(scene.bed.env, { TMPDIR: disk });
      await scene.says('start -n 1 -d', /ENOSPC: no space left on device/);
      await scene.says('why', /No file can be made on the disk of/);
      await scene.gone(2000);
    },
  },
  {
    name: '/tmp has no room, but takes files, before the start',
    expected: 'the start works: sockets need no room',
    async run(scene) {
      const disk = join(scene.bed.folder, 'tmp');
      smallDisk(scene, disk, 1);
      fill(disk);
      await scene.start(1, [], { TMPDIR: disk });
      await scene.work(20).settled();
      await scene.says('why', /The disk of .* is full/);
    },
  },
  {
    name: '/tmp fills up under running tasks',
    expected: 'nothing of ours needs it any more',
    async run(scene) {
      const disk = join(scene.bed.folder, 'tmp');
      smallDisk(scene, disk, 1);
      Object.assign(scene.bed.env, { TMPDIR: disk });
      await scene.start(1);
      const work = scene.work(100);
      await work.some(10);
      fill(disk);
      await work.settled();
      await scene.says('why', /The disk of .* is full/);
      scene.kill('engine');
      await scene.engines(1);
    },
  },
  {
    name: 'the connection file is half-written',
    expected: 'a command says so; who is connected goes on; stop still ends all',
    async run(scene) {
      await scene.start(1);
      writeFileSync(clientFile(scene), readFileSync(clientFile(scene), 'utf8').slice(0, 200));
      await scene.says('exec 1', /is no JSON, perhaps cut off/);
      await scene.work(20).settled();
      await scene.bed.client.close();
      await scene.bed.run('stop');
      await scene.gone(1000);
    },
  },
  {
    name: 'the connection file is deleted while the cluster runs',
    expected: 'who is connected goes on; it is written again; stop ends all',
    async run(scene) {
      await scene.start(1);
      rmSync(clientFile(scene));
      await scene.work(20).settled();
      await scene.says('status', /has written no connection file/);
      scene.check('the file is there again', await until(() => existsSync(clientFile(scene)), 15_000));
      await scene.says('status', /running/);
      await scene.bed.client.close();
      await scene.bed.run('stop');
      await scene.gone(1000);
    },
  },
  {
    name: 'stale files of a controller that was killed with everything else',
    expected: 'the next start says what it found, and works',
    quick: true,
    async run(scene) {
      await scene.start(1);
      await scene.client.close();
      for (const { pid } of scene.bed.processes()) process.kill(pid, 'SIGKILL');
      await scene.gone(1000);
      await scene.says('why', /killed from outside/);
      await scene.says(`start -n 1 -d --lease ${lease}s`, /Files of a controller that is gone were removed/);
      scene.bed.client = await scene.bed.connect();
      await scene.work(20).settled();
    },
  },
  {
    name: 'the connection file belongs to another user',
    expected: 'it is refused with a sentence',
    async run(scene) {
      await scene.start(1);
      chownSync(clientFile(scene), 65_534, 65_534);
      await scene.says('exec 1', /belongs to another user \(uid 65534\)/);
      await scene.work(20).settled();
    },
  },
  {
    name: 'the store’s file is deleted under the controller',
    expected: 'work goes on, nothing of this run is lost',
    async run(scene) {
      await scene.start(1);
      const work = scene.work(100);
      await work.some(10);
      rmSync(scene.bed.path('default', 'store.sqlite'));
      await work.settled();
      await scene.says('status', /running/);
    },
  },
];
