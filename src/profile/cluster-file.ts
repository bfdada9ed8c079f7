import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonIfWhole, writeWhole } from '../base/files.js';
import { namesIn } from '../base/own-folder.js';
import { findPlace, ipythonFolder, type Place, pathsOf } from './paths.js';

/** A job by what its launcher needs to find it again; plain JSON. */
export interface RecordedJob {
  launcher: string;
  ids: string[];
  jobDir: string;
  /** Its name in a scheduler. */
  name?: string;
  /** The launcher's options, each `key=value`. */
  options?: string[];
  role: 'controller' | 'engines';
  count: number;
  /** What was asked of a batch system for each of its engines: milliseconds, and processors. */
  limits?: { time?: number | undefined; cpusPerTask?: number | undefined };
}

/** Whether a supervisor or an engine is of that job, by what it says of its job: `slurm:123`. */
export const isOfJob = (name: string | null, { launcher, ids }: RecordedJob): boolean =>
  ids.some((id) => name === `${launcher}:${id}`);

/**
 * What one start wrote down: enough for stop, status and ps from another process. No secret of ours is in it.
 */
export interface ClusterFile {
  version: 1;
  profile: string;
  clusterId: string;
  workFolder: string;
  /** The mark that everything of this start carries. */
  mark: string;
  launcher: string;
  engines: number;
  started: string;
  host: string;
  jobs: RecordedJob[];
  /** What was asked of a batch system for each engine: milliseconds, and processors. */
  limits?: { time?: number | undefined; cpusPerTask?: number | undefined };
  /** What its start said of settings, and what stood after `--`: later engines are started like the first. */
  settings?: Record<string, string>;
  extra?: readonly string[];
}

export function writeClusterFile(place: Place, file: ClusterFile): void {
  writeWhole(pathsOf(place).clusterFile, `${JSON.stringify(file, null, 1)}\n`);
}

/** The cluster file of that place; undefined when there is none. */
export async function readClusterFile(place: Place): Promise<ClusterFile | undefined> {
  const value = await readJsonIfWhole(pathsOf(place).clusterFile);
  return typeof value === 'object' && value !== null && 'mark' in value ? (value as ClusterFile) : undefined;
}

/** The cluster ids that a profile has files of, the empty one as `''`. */
export async function clusterIds(place: Place): Promise<string[]> {
  const names = await namesIn(pathsOf(place).clusters);
  const ids = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  return ids.map((id) => (id === 'default' ? '' : id));
}

/** All clusters of all profiles under IPython's folder, as their files say. */
export async function listClusterFiles(): Promise<{ place: Place; file: ClusterFile }[]> {
  const names = await readdir(ipythonFolder()).catch(() => []);
  const found: { place: Place; file: ClusterFile }[] = [];
  for (const name of names.filter((candidate) => candidate.startsWith('profile_'))) {
    const profileFolder = join(ipythonFolder(), name);
    const base = findPlace({ profile: name.slice('profile_'.length) });
    for (const clusterId of await clusterIds({ ...base, profileFolder })) {
      const place = { ...base, profileFolder, clusterId };
      const file = await readClusterFile(place);
      if (file) found.push({ place: { ...place, workFolder: file.workFolder }, file });
    }
  }
  return found;
}
