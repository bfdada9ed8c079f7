import { closeFolder, ensureFolder } from '../base/own-folder.js';
import { type Place, pathsOf } from './paths.js';

/**
 * Makes the folders of a cluster, or looks at those that are there, before anything is started or written:
 * what lies in them decides what runs as us. Throws FOLDER where somebody else could change that.
 */
export function claimFolders(place: Place): void {
  const { security, clusters, work, jobs } = pathsOf(place);
  closeFolder(security);
  ensureFolder(clusters);
  // Tasks, results and tokens are their owner's: these are closed to others.
  for (const folder of [work, jobs]) closeFolder(folder);
}
