import { join } from 'node:path';
import { namesIn } from '../base/own-folder.js';
import { readClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { jobFolders } from './prune.js';

/**
 * The folders of a cluster's jobs: those of the one that runs, else the last controller's and all that came
 * after it.
 */
export async function foldersOfJobs(place: Place): Promise<string[]> {
  const file = await readClusterFile(place);
  if (file && file.jobs.length > 0) return file.jobs.map(({ jobDir }) => jobDir);
  const folders = await jobFolders(pathsOf(place).jobs);
  const last = folders.findIndex((folder) => folder.endsWith('-controller'));
  const started = folders[last]?.replace(/-[0-9a-f]+-controller$/, '');
  return folders.filter(
    (folder, index) => index <= last || (started !== undefined && folder.startsWith(started)),
  );
}

/**
 * What controller and supervisors have said, as far as there are such files: a job on other machines has one
 * for each node.
 */
export async function logFiles(place: Place): Promise<string[]> {
  const folders = await foldersOfJobs(place);
  const files = await Promise.all(
    folders.map(async (folder) => {
      const names = (await namesIn(folder)).filter((name) =>
        /^(stderr|controller\.log|node-\d+\.log)$/.test(name),
      );
      return names
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .map((name) => join(folder, name));
    }),
  );
  return files.flat();
}
