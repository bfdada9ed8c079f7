import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonIfWhole } from '../base/files.js';
import { isOwnFolder, namesIn } from '../base/own-folder.js';
import { findMarked } from '../processes/table.js';
import { clusterIds, readClusterFile } from '../profile/cluster-file.js';
import { canBeName, type Place, pathsOf } from '../profile/paths.js';
import { jobFolders } from './prune.js';

/**
 * The places of all clusters of a profile that have left anything: a file, a folder or a process. The empty
 * id is among them.
 */
export async function knownPlaces(profile: Place): Promise<Place[]> {
  const ids = new Set<string>([
    '',
    ...(await clusterIds(profile)),
    ...(await idsOfSecurity(profile)),
    ...idsOfProcesses(profile),
  ]);
  for (const id of await idsOfWork(profile)) ids.add(id);
  return Promise.all(
    [...ids].map(async (clusterId) => {
      const place = { ...profile, clusterId };
      return { ...place, workFolder: (await readClusterFile(place))?.workFolder ?? place.workFolder };
    }),
  );
}

/** Connection files that are ours; Python's are not. */
async function idsOfSecurity(profile: Place): Promise<string[]> {
  const { security } = pathsOf(profile);
  const names = await namesIn(security);
  const ids = names.flatMap(
    (name) => /^ipcontroller(?:-(.+))?-(?:client|engine|key)\.json$/.exec(name)?.[1] ?? [],
  );
  const found = await Promise.all(
    ids.map(async (clusterId) => {
      const { clientFile, engineFile, keyFile } = pathsOf({ ...profile, clusterId });
      const own = await Promise.all([clientFile, engineFile, keyFile].map(isOwnFile));
      return own.includes(true) ? [clusterId] : [];
    }),
  );
  return found.flat();
}

/** True for a file that a controller of ours has written. */
export async function isOwnFile(path: string): Promise<boolean> {
  const kind = ((await readJsonIfWhole(path)) as { kind?: unknown } | undefined)?.kind;
  return kind === 'ipcluster' || kind === 'ipcluster-key';
}

/** Folders that hold a store or jobs of ours. */
async function idsOfWork({ workFolder }: Place): Promise<string[]> {
  // The folder may be everybody's; what is in it counts where it is ours.
  const names = await readdir(workFolder).catch(() => []);
  const ids: string[] = [];
  for (const name of names.filter(canBeName)) {
    const folder = join(workFolder, name);
    if (!isOwnFolder(folder, true)) continue;
    const isOurs =
      existsSync(join(folder, 'store.sqlite')) || (await jobFolders(join(folder, 'jobs'))).length > 0;
    if (isOurs) ids.push(name === 'default' ? '' : name);
  }
  return ids;
}

function idsOfProcesses({ profileFolder }: Place): string[] {
  return findMarked((mark) => mark.startsWith(`${profileFolder}#`)).map(
    ({ mark }) => mark.split('#')[1] ?? '',
  );
}
