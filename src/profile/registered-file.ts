import { rename, writeFile } from 'node:fs/promises';
import { readJsonIfWhole, removeFile } from '../base/files.js';

/**
 * Who is registered, for those who cannot ask the controller: other machines, and the controller that comes
 * after it.
 */
export interface RegisteredFile {
  updated: string;
  controller: { host: string; pid: number; nonce: string };
  /** The next engine id: ids are never given twice. */
  next: number;
  supervisors: { name: string; host: string; engines: { id: number; uuid: string; pid: number }[] }[];
}

/** Writes it whole, off the main thread: this file may lie on a slow disk, and is written again and again. */
export async function writeRegisteredFile(path: string, file: RegisteredFile): Promise<void> {
  try {
    await writeFile(`${path}.tmp`, `${JSON.stringify(file)}\n`, { mode: 0o600 });
    await rename(`${path}.tmp`, path);
  } catch (error) {
    await removeFile(`${path}.tmp`).catch(() => {});
    throw error;
  }
}

/** The file as it was last written; undefined when there is none, or none that is whole. */
export async function readRegisteredFile(path: string): Promise<RegisteredFile | undefined> {
  const value = await readJsonIfWhole(path);
  return typeof value === 'object' && value !== null && 'supervisors' in value
    ? (value as RegisteredFile)
    : undefined;
}
