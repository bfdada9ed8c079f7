// How one node of a gang fails: what happens there, and what must be said of it.
import { endDaemon, seeing, withLittleMemory, withProlog } from './gang-scene.js';

/** The ways in which one node fails: what happens there, and what must be said of it. */
export const ways = [
  {
    name: 'the site’s Prolog fails on n3',
    node: 'n3',
    code: 'node-prolog',
    whole: true,
    words: /[Pp]rolog/,
    around: (_scene, run) =>
      withProlog('[ "$SLURMD_NODENAME" != n3 ] || { echo "no /scratch"; exit 1; }', run),
    after: 'n3',
  },
  {
    name: 'the site’s Prolog, run at the allocation, fails on n3',
    node: 'n3',
    code: 'node-prolog',
    whole: true,
    words: /Prolog/,
    around: (_scene, run) =>
      withProlog('[ "$SLURMD_NODENAME" != n3 ] || { echo "no /scratch"; exit 1; }', run, 'PrologFlags=Alloc'),
    after: 'n3',
  },
  {
    name: 'the user’s prologue fails on n3',
    node: 'n3',
    code: 'exited',
    exit: 3,
    words: /mount of \/data missing/,
    options: ['--prologue', '[ "$SLURMD_NODENAME" != n3 ] || { echo "mount of /data missing"; exit 3; }'],
  },
  {
    name: 'the folder of jobs is not mounted on n4',
    node: 'n4',
    code: 'folder-not-shared',
    exit: 127,
    words: /node\.sh: No such file or directory/,
    around: async (scene, run) => {
      await seeing('n4', `mount -t tmpfs none ${scene.folder}`);
      await run();
    },
    after: 'n4',
  },
  {
    name: 'Node is missing on n2',
    node: 'n2',
    code: 'node-missing',
    exit: 127,
    words: /cannot be run on/,
    around: async (_scene, run) => {
      await seeing('n2', `mount --bind /dev/null ${process.execPath}`);
      await run();
    },
    after: 'n2',
  },
  {
    name: 'the supervisor on n3 is killed for its memory',
    node: 'n3',
    code: 'supervisor-killed',
    exit: 137,
    words: /killed by signal 9/,
    around: (_scene, run) => withLittleMemory('n3', '24M', run),
    after: 'n3',
  },
  {
    name: 'slurmd is killed on n3 before the start',
    node: 'n3',
    code: 'launch-failed',
    words: /Task launch for .* failed on node n3/,
    around: async (_scene, run) => {
      await endDaemon('n3');
      await run();
    },
    after: 'n3',
    // srun waits for the daemon as long as MessageTimeout says, here 10 s.
    bound: 20,
    late: true,
  },
];
