// What an operator of the system does, as root.
import { spawnSync } from 'node:child_process';

/** Runs a command of the operator; throws its words when it fails. */
export function operator(...argv) {
  const { status, stdout, stderr } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** Plays `run` while something holds that an operator set, and takes it back. */
export const under = (set, takeBack, run) => async (scene) => {
  operator(...set);
  try {
    await run(scene);
  } finally {
    await scene.run('stop');
    operator(...takeBack);
  }
};

/** A partition of the small node, which has two processors. */
export const inSmallPartition = (run) =>
  under(
    ['scontrol', 'create', 'PartitionName=small', 'Nodes=n5', 'State=UP', 'MaxTime=60'],
    ['scontrol', 'delete', 'PartitionName=small'],
    run,
  );

/** The seconds that something takes. */
export async function secondsOf(work) {
  const begin = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - begin) / 1000 };
}
