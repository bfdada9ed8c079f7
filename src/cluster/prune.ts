import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../base/own-folder.js';
import { removeTree } from '../base/remove-tree.js';

/**
 * How many folders of jobs are kept, and for how long (milliseconds): a job that failed must be there to look
 * at.
 */
const keptJobs = 20;
const keptTime = 14 * 24 * 3600 * 1000;

/** Folders of jobs by age, newest first: their names begin with the time. */
export async function jobFolders(jobs: string): Promise<string[]> {
  const names = await namesIn(jobs);
  return names
    .filter((name) => /^\d{8}T\d{6}-/.test(name))
    .sort()
    .reverse()
    .map((name) => join(jobs, name));
}

/** Removes folders of jobs that are old; those of `spare` stay. Answers how many went. */
export async function pruneJobs(jobs: string, spare: readonly string[] = []): Promise<number> {
  const folders = (await jobFolders(jobs)).filter((folder) => !spare.includes(folder));
  let removed = 0;
  for (const [index, folder] of folders.entries()) {
    const age =
      Date.now() -
      (await stat(folder).then(
        ({ mtimeMs }) => mtimeMs,
        () => Date.now(),
      ));
    if (index < keptJobs && age < keptTime) continue;
    if (removeTree(folder)) removed += 1;
  }
  return removed;
}
