import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { removeEmptyFolder, removeFile } from '../base/files.js';
import { removeMemoryFolders } from '../base/memory-files.js';
import { removeTree } from '../base/remove-tree.js';
import { configTemplate } from '../config/template.js';
import { readClusterFile } from '../profile/cluster-file.js';
import { ownListedFile } from '../profile/own-files.js';
import { markOf, type Place, pathsOf } from '../profile/paths.js';
import { clearSockets } from '../profile/sockets.js';
import { findCluster } from './find.js';
import { isOwnFile, knownPlaces } from './known-ids.js';
import { foldersOfJobs } from './logs.js';
import { killProcesses, listProcesses } from './processes.js';
import { pruneJobs } from './prune.js';
import { endCluster, removeConnectionFiles } from './stop.js';
import { strayJobs } from './strays.js';

/** What was done, in sentences. */
type Report = string[];

/**
 * Removes what dead clusters of a profile have left. Whatever lives, or may still be rejoined, is left alone.
 */
export async function cleanProfile(profile: Place): Promise<Report> {
  const report: Report = [];
  for (const place of await knownPlaces(profile)) report.push(...(await cleanPlace(place)));
  await clearSockets();
  return report;
}

async function cleanPlace(place: Place): Promise<Report> {
  const name = place.clusterId || 'default';
  const { file, client } = await findCluster(place);
  await client?.close();
  if (client) return [`${name}: it runs, and was left alone`];
  const left = listProcesses(place);
  if (left.some(({ what }) => what === 'supervisor' || what === 'controller'))
    return [
      `${name}: its controller does not answer, but ${left.length} processes of it live: \`ipcluster ` +
        `start --reuse\` takes them over, \`ipcluster kill\` ends them`,
    ];
  const { found: jobs, silent } = await strayJobs(place, file);
  // Without a file it may be a system that this cluster has never used.
  if (file && silent.length > 0) return silent.map((sentence) => `${name}: ${sentence} It was left alone.`);
  if (jobs.length > 0)
    return [
      `${name}: its controller cannot be reached from here, but ${jobs.length} jobs of it are in the ` +
        `queue: \`ipcluster stop\` ends them`,
    ];
  const report: Report = [];
  if (left.length > 0) report.push(`${name}: ${await killProcesses(place)} orphans were ended`);
  const files = await ownConnectionFiles(place);
  if (files.length > 0)
    report.push(`${name}: files of a controller that is gone were removed: ${files.join(', ')}`);
  if (files.length > 0) await removeConnectionFiles(place);
  if (file) {
    const { unsure } = await endCluster(place, file, undefined);
    report.push(`${name}: it had been killed; what was written down of it was removed`, ...unsure);
  }
  if (removeMemoryFolders(markOf(place, '')) > 0) report.push(`${name}: its folder in memory was removed`);
  const pruned = await pruneJobs(pathsOf(place).jobs, await foldersOfJobs(place));
  if (pruned > 0) report.push(`${name}: ${pruned} old folders of jobs were removed`);
  return report;
}

async function ownConnectionFiles(place: Place): Promise<string[]> {
  const { clientFile, engineFile, keyFile } = pathsOf(place);
  const own = await Promise.all(
    [clientFile, engineFile, keyFile].map(async (path) => ((await isOwnFile(path)) ? [path] : [])),
  );
  return [...own.flat(), ...ownListedFile(place)];
}

/**
 * Ends and removes all that is ours in a profile: processes, files, results. The user's own IPython files
 * stay.
 */
export async function nukeProfile(profile: Place): Promise<Report> {
  const report: Report = [];
  for (const place of await knownPlaces(profile)) {
    const name = place.clusterId || 'default';
    const ended =
      (await readClusterFile(place)) || listProcesses(place).length > 0 ? await killProcesses(place) : 0;
    if (ended > 0) report.push(`${name}: ${ended} processes were ended`);
    report.push(...(await removeFiles(place)).map((path) => `${name}: ${path} was removed`));
  }
  const { configFile, clusters, security } = pathsOf(profile);
  if (existsSync(configFile)) {
    const untouched = (await readFile(configFile, 'utf8')) === configTemplate();
    if (untouched) await removeFile(configFile);
    report.push(
      untouched ? `${configFile} was removed` : `${configFile} holds settings of yours and was kept`,
    );
  }
  await clearSockets();
  for (const folder of [clusters, security, profile.profileFolder]) await removeEmptyFolder(folder);
  return report;
}

async function removeFiles(place: Place): Promise<string[]> {
  const { clusterFile, startLock, work, jobs, log, store, registeredFile } = pathsOf(place);
  const files = [...(await ownConnectionFiles(place)), clusterFile, startLock, registeredFile];
  const stores = ['', '-wal', '-shm'].map((end) => store + end);
  const present = [...files, ...stores, jobs, log].filter((path) => existsSync(path));
  const removed = present.filter((path) => removeTree(path));
  removeMemoryFolders(markOf(place, ''));
  await removeEmptyFolder(work);
  return removed;
}
