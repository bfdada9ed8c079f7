import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFile, writeWhole } from '../base/files.js';
import { isOwnFolder } from '../base/own-folder.js';

/**
 * What is said of a job that its scheduler does not list and that has left no record: at first, and after a
 * while.
 */
export const unlisted = {
  now: 'the scheduler does not list it',
  forGood: 'the scheduler lists it no more, and it left no exit record',
} as const;

const absenceFile = (jobDir: string): string => join(jobDir, 'absent.json');

/**
 * Since when a scheduler has not listed a job, in milliseconds of the clock: now, or since an earlier command
 * was told so. It is kept with the job, so that no command begins to wait anew.
 */
export function noteAbsence(jobDir: string): number {
  const known = readAbsence(jobDir);
  if (known !== undefined) return known;
  const now = Date.now();
  try {
    if (isOwnFolder(jobDir)) writeWhole(absenceFile(jobDir), `${JSON.stringify({ since: now })}\n`);
  } catch {
    // A disk that takes nothing: this command counts for itself.
  }
  return now;
}

/** It is listed again, or still. */
export function forgetAbsence(jobDir: string): void {
  if (existsSync(absenceFile(jobDir))) removeFile(absenceFile(jobDir)).catch(() => {});
}

function readAbsence(jobDir: string): number | undefined {
  try {
    const { since } = JSON.parse(readFileSync(absenceFile(jobDir), 'utf8')) as { since?: unknown };
    return typeof since === 'number' && since <= Date.now() ? since : undefined;
  } catch {
    return undefined;
  }
}
