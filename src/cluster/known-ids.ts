import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonIfWhole } from '../base/files.js';
import { findMarked } from '../processes/table.js';
import { clusterIds, readClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { jobFolders } from './prune.js';

/** The places of all clusters of a profile that have left anything: a file, a folder or a process. The empty id is among them. */
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
  const names = await readdir(security).catch(() => []);
  const ids = names.flatMap((name) => /^ipcontroller(?:-(.+))?-(?:client|engine|key)\.json$/.exec(name)?.[1] ?? []);
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
  const entries = await readdir(workFolder, { withFileTypes: true }).catch(() => []);
  const ids: string[] = [];
  for (const entry of entries.filter((candidate) => candidate.isDirectory())) {
    const folder = join(workFolder, entry.name);
    const isOurs = existsSync(join(folder, 'store.sqlite')) || (await jobFolders(join(folder, 'jobs'))).length > 0;
    if (isOurs) ids.push(entry.name === 'default' ? '' : entry.name);
  }
  return ids;
}

function idsOfProcesses({ profileFolder }: Place): string[] {
  return findMarked((mark) => mark.startsWith(`${profileFolder}#`)).map(({ mark }) => mark.split('#')[1] ?? '');
}
