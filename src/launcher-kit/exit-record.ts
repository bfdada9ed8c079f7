import { join } from 'node:path';
import { readJsonIfWhole } from '../base/files.js';
import { namesIn } from '../base/own-folder.js';
import { programFile } from '../base/package.js';
import { quoteCommand, quoteWord } from '../base/shell.js';

/** What a job's own script writes at its end: the second witness of its fate. */
export interface ExitRecord {
  incarnation: number;
  exitCode: number;
  ended: string;
  /** The signal that it was told to end with; empty or absent for none. */
  told?: string;
  /** The element of an array that has written it. */
  element?: string;
}

const exitRecordPath = (jobDir: string): string => join(jobDir, 'exit.json');

/** The exit record of a job; undefined when it has not been written. */
export async function readExitRecord(jobDir: string): Promise<ExitRecord | undefined> {
  return (await readExitRecords(jobDir)).find(({ element }) => element === undefined);
}

/** All exit records of a job: one, or one for each element of an array that has ended. */
export async function readExitRecords(jobDir: string): Promise<ExitRecord[]> {
  const names = (await namesIn(jobDir)).filter((name) => /^exit(-\d+)?\.json$/.test(name));
  const records = await Promise.all(
    names.map(async (name): Promise<ExitRecord[]> => {
      const value = await readJsonIfWhole(join(jobDir, name));
      if (typeof value !== 'object' || value === null || !('exitCode' in value)) return [];
      const element = /-(\d+)\.json$/.exec(name)?.[1];
      return [{ ...(value as ExitRecord), ...(element !== undefined && { element }) }];
    }),
  );
  return records.flat();
}

/**
 * The last lines of every job's script: they keep the code, sweep what a killed program has left, write the
 * record whole, and end with the code.
 */
export function exitRecordLines(jobDir: string, incarnation: string): string[] {
  const path = quoteWord(exitRecordPath(jobDir));
  return [
    'code=$?',
    `[ "$code" -eq 0 ] || ${quoteCommand([process.execPath, programFile('sweep')])} </dev/null ` +
      '>/dev/null 2>&1',
    `printf '{"incarnation":%d,"exitCode":%d,"ended":"%s"}\\n' ${incarnation} "$code" "$(date -u ` +
      `+%FT%TZ)" >${path}.tmp && mv ${path}.tmp ${path} ||`,
    `  rm -f ${path}.tmp`,
    'exit "$code"',
  ];
}
