import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { removeEmptyFolder, writeWhole } from '../base/files.js';
import { ensureFolder } from '../base/own-folder.js';
import { configTemplate } from '../config/template.js';
import { clusterIds } from '../profile/cluster-file.js';
import { findPlace, ipythonFolder, type Place, pathsOf } from '../profile/paths.js';
import { nukeProfile } from './clean.js';
import { findCluster } from './find.js';
import { knownPlaces } from './known-ids.js';

/** A profile as `profile list` shows it. */
export interface ProfileLine {
  profile: string;
  folder: string;
  /** Its settings, where somebody has made the file. */
  configFile: string | null;
  /** Ids of clusters that were started and not stopped. */
  clusters: string[];
}

/**
 * Makes a profile's folders and its settings file; what is there stays as it is. Answers the file, and
 * whether it is new.
 */
export function createProfile(place: Place): { configFile: string; created: boolean } {
  const { configFile, security } = pathsOf(place);
  ensureFolder(security);
  if (existsSync(configFile)) return { configFile, created: false };
  writeWhole(configFile, configTemplate(), 0o644);
  return { configFile, created: true };
}

/** All profiles under IPython's folder. */
export async function listProfiles(): Promise<ProfileLine[]> {
  const names = await readdir(ipythonFolder()).catch(() => []);
  const profiles = names
    .filter((name) => name.startsWith('profile_'))
    .map((name) => name.slice('profile_'.length));
  return Promise.all(profiles.sort().map(describeProfile));
}

async function describeProfile(profile: string): Promise<ProfileLine> {
  const profileFolder = join(ipythonFolder(), `profile_${profile}`);
  const place: Place = { profile, profileFolder, workFolder: profileFolder, clusterId: '' };
  const { configFile } = pathsOf(place);
  return {
    profile,
    folder: profileFolder,
    configFile: existsSync(configFile) ? configFile : null,
    clusters: await clusterIds(place),
  };
}

/** One profile. Throws NOT_FOUND. */
export async function showProfile(profile: string): Promise<ProfileLine> {
  if (existsSync(findPlace({ profile }).profileFolder)) return describeProfile(profile);
  throw new IpclusterError('NOT_FOUND', `There is no profile "${profile}".`, {
    suggestions: ['`ipcluster profile list`'],
  });
}

/**
 * Removes all of a profile that is ours; the folder itself goes when nothing else is in it. Throws
 * CLUSTER_RUNNING, NOT_FOUND.
 */
export async function deleteProfile(profile: string): Promise<string[]> {
  const { folder } = await showProfile(profile);
  const place = findPlace({ profile });
  for (const candidate of await knownPlaces(place)) {
    const { client } = await findCluster(candidate);
    await client?.close();
    if (client) throw new IpclusterError('CLUSTER_RUNNING', `A cluster of profile "${profile}" runs.`);
  }
  const report = await nukeProfile(place);
  await removeEmptyFolder(folder);
  return [
    ...report,
    existsSync(folder) ? `${folder} holds other files and was kept` : `${folder} was removed`,
  ];
}
