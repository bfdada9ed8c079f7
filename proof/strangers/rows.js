// Each path of ours that a stranger can reach, with each thing that he can put there, and what must come of
// it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFor } from '../bed.js';
import { owner } from './scene.js';
import { listener, staying, tricks } from './tricks.js';

const places = { '/tmp': /^\/tmp\//, '/dev/shm': /^\/dev\/shm\// };

/** Plays a trick at a path; answers how to end it. */
async function play(scene, name, at) {
  const given = { at, thesis: join(scene.thesis, 'data'), lair: scene.lair };
  if (!staying.has(name)) {
    const answer = await scene.asStranger(tricks[name], given);
    if (answer?.failed) scene.wrong(`the trick itself failed: ${answer.failed}`);
    return async () => {};
  }
  const { ready, stop } = scene.letStranger(tricks[name], given);
  await ready;
  return stop;
}

/**
 * The names that ours had in /tmp and /dev/shm while a cluster ran, after a machine that went down under it.
 */
async function namesAfterReboot(scene) {
  await scene.ipcluster('start', '-n', '1', '-d');
  return scene.reboot();
}

/** Names of the last start, taken by a stranger before the next one. */
const taken = Object.keys(places).flatMap((place) =>
  Object.keys(tricks).flatMap((trick) =>
    ['--reuse', 'anew'].map((how) => ({
      name: `${place}: the name of the last start is ${trick}, then start ${how}`,
      expected: 'works, in another folder',
      quick: how === '--reuse' && /open folder|becomes|nobody else/.test(trick),
      async run(scene) {
        const names = (await namesAfterReboot(scene)).filter((name) => places[place].test(name));
        if (names.length === 0) scene.wrong(`nothing of ours had been in ${place}`);
        const ends = [];
        for (const name of names) ends.push(await play(scene, trick, name));
        await scene.work(...(how === '--reuse' ? ['--reuse'] : []));
        for (const end of ends) await end();
      },
    })),
  ),
);

/** The name for sockets that anybody can guess. */
const guessed = Object.keys(tricks).map((trick) => ({
  name: `/tmp/ipcluster-UID is ${trick}, before the first start`,
  expected: 'works, in another folder',
  quick: trick === 'an open folder',
  async run(scene) {
    const end = await play(scene, trick, `/tmp/ipcluster-${owner.uid}`);
    await scene.work();
    await end();
  },
}));

const inWork = (at) => (scene) => join(scene.sticky, at);
/** What a stranger can make in a work folder that all may write into, before us. */
const workFolders = [
  { what: 'the folder of the cluster', place: inWork('default') },
  { what: 'the work folder itself', place: inWork('work') },
].flatMap(({ what, place }) =>
  Object.keys(tricks).map((trick) => ({
    name: `${what} in a shared, sticky folder is ${trick}`,
    expected: 'refused with a sentence, nothing started',
    quick: /open folder|link to a folder of his/.test(trick),
    async run(scene) {
      const at = place(scene);
      const end = await play(scene, trick, at);
      await scene.refused(
        ['--work-dir', at.endsWith('work') ? at : scene.sticky],
        /ipcluster: .*(somebody else|another user|other users|others|no folder|not a folder|is a |link|owner|belongs)/i,
      );
      await end();
    },
  })),
);

const others = [
  {
    name: 'the work folder is in a shared, sticky one',
    expected: 'works',
    quick: true,
    run: (scene) => scene.work('--work-dir', scene.sticky),
  },
  {
    name: 'the work folder lies where everybody may rename it',
    expected: 'refused with a sentence, nothing started',
    quick: true,
    run: (scene) => scene.refused(['--work-dir', join(scene.open, 'work')], /writ|rename|others/i),
  },
  {
    name: 'the work folder is one that everybody may write into',
    expected: 'refused with a sentence, nothing started',
    run: (scene) => scene.refused(['--work-dir', scene.open], /writ|rename|others/i),
  },
  {
    name: 'TMPDIR is too long for sockets',
    expected: 'works, elsewhere',
    quick: true,
    async run(scene) {
      scene.env.TMPDIR = join(scene.home, 'long'.repeat(30));
      mkdirSync(scene.env.TMPDIR, { mode: 0o700 });
      execFileSync('chown', [String(owner.uid), scene.env.TMPDIR]);
      await scene.work();
    },
  },
  ...['open', 'lair'].map((folder) => ({
    name: `TMPDIR is ${folder === 'open' ? 'a folder that everybody may write into' : "the stranger's"}`,
    expected: 'works, elsewhere',
    async run(scene) {
      scene.env.TMPDIR = scene[folder];
      await scene.work();
    },
  })),
  ...['a pipe with a name', 'a link to a device'].map((trick) => ({
    name: `the profile's settings are ${trick}`,
    expected: 'refused with a sentence, nothing started',
    async run(scene) {
      const profile = join(scene.home, 'ipython', 'profile_default');
      mkdirSync(profile, { recursive: true });
      execFileSync('chown', ['-R', String(owner.uid), join(scene.home, 'ipython')]);
      const at = join(profile, 'ipcluster_config.yaml');
      if (trick.includes('pipe')) execFileSync('mkfifo', [at]);
      else execFileSync('ln', ['-s', '/dev/zero', at]);
      await scene.refused([], /ipcluster_config\.yaml/);
    },
  })),
];

const connectionFile = (scene) =>
  JSON.parse(
    readFileSync(join(scene.home, 'ipython/profile_default/security/ipcontroller-client.json'), 'utf8'),
  );

/** Who listens where the controller did; `inside` puts the owner's commands there. */
async function impostor(scene, socket, tokens, commands) {
  const { ready, stop } = scene.letStranger(listener, { at: socket, lair: scene.lair, tokens });
  await ready;
  await commands();
  const met = await stop();
  scene.said.push(`the stranger was met ${met} times`);
}

const sockets = [
  {
    name: "the controller was killed, and a stranger listens at its socket's path",
    expected: 'no token is told; commands say that nothing runs, or go on',
    quick: true,
    async run(scene) {
      await scene.ipcluster('start', '-n', '1', '-d');
      const { socket, token } = connectionFile(scene);
      scene.reboot();
      await impostor(scene, socket, [token], async () => {
        for (const args of [['status'], ['exec', '1'], ['why'], ['ps'], ['result', 'x']])
          await scene.ipcluster(...args);
        await scene.run(
          [process.execPath, join(packageFor(owner), 'bin/ipengine'), '-n', '1', '--timeout', '3s'],
          'ipengine',
        );
        await scene.work('--reuse');
      });
    },
  },
  {
    name: 'another host with the same home and the same name, where a stranger listens at the path',
    expected: 'no token is told; status answers by the port',
    async run(scene) {
      await scene.ipcluster('start', '-n', '1', '-d');
      const { socket, token } = connectionFile(scene);
      const script = join(scene.folder, 'elsewhere');
      const source =
        `(${listener})({ at: ${JSON.stringify(socket)}, lair: ${JSON.stringify(scene.lair)}, tokens: ` +
        `['${token}'] }, { fs: require('fs'), path: require('path'), net: require('net'), ended: new ` +
        'Promise(() ' +
        '=> {}), ready() {} })';
      writeFileSync(join(scene.folder, 'listener.js'), source, { mode: 0o644 });
      const as = (uid, gid) => `setpriv --reuid ${uid} --regid ${gid} --clear-groups`;
      const stranger = execFileSync('id', ['-u', 'ipc-stranger'], { encoding: 'utf8' }).trim();
      writeFileSync(
        script,
        `mount -t tmpfs -o mode=1777 none /tmp; ${as(stranger, stranger)} ${process.execPath} ${join(scene.folder, 'listener.js')} & sleep 1
for command in status 'exec 1'; do HOME=${scene.home} IPYTHONDIR=${scene.env.IPYTHONDIR} ${as(owner.uid, owner.gid)} ${process.execPath} ${packageFor(owner)}/bin/ipcluster $command; echo "code $?"; done; kill %1`,
      );
      const text = execFileSync('unshare', ['-m', 'bash', script], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      if ((text.match(/code 0/g) ?? []).length !== 2) scene.wrong(text.slice(0, 300));
      await scene.tidy();
    },
  },
  {
    name: 'a stranger guesses into the memory of the host while arrays pass',
    expected: 'he is shut out',
    async run(scene) {
      await scene.ipcluster('start', '-n', '1', '-d');
      const open = scene.traces().length;
      const got = await scene.asStranger(
        async ({ names }, { fs, path }) =>
          names
            .flatMap((name) => {
              try {
                return fs.readdirSync(name);
              } catch {
                return [];
              }
            })
            .concat(
              names.filter((name) => {
                try {
                  fs.writeFileSync(path.join(name, 'x'), 'x');
                  return true;
                } catch {
                  return false;
                }
              }),
            ),
        { names: scene.traces() },
      );
      if (open === 0 || !Array.isArray(got) || got.length > 0)
        scene.wrong(`${open} folders, he got ${JSON.stringify(got)}`);
      await scene.tidy();
    },
  },
];

export const rows = [...taken, ...guessed, ...workFolders, ...others, ...sockets].map((row) => ({
  quick: false,
  ...row,
}));
