import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isOwnFolder } from './own-folder.js';
import { isTrusted, othersMayWrite } from './owner.js';

/** Settings, connection files and the like are never larger (bytes). */
const mostBytes = 1 << 20;
/** Opening must not wait: a pipe without a writer would have it wait for ever. */
const opening = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A file's text, and who owns it. */
export interface FileText {
  text: string;
  facts: Stats;
}

/**
 * Reads a file of text, whole, at most 1 MiB. Throws an error with a sentence for pipes, devices and folders;
 * else what the system says.
 */
export function readFileText(path: string): FileText {
  const descriptor = openSync(path, opening);
  try {
    const facts = fstatSync(descriptor);
    checkKind(facts);
    const bytes = Buffer.allocUnsafe(facts.size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, length);
    return { text: bytes.toString('utf8', 0, length), facts };
  } finally {
    closeSync(descriptor);
  }
}

function checkKind(facts: Stats, most = mostBytes): void {
  if (!facts.isFile()) throw new Error('it is no file of text but a pipe, a device or a folder');
  if (facts.size > most) throw new Error(`it is larger than ${most / 1024} KiB`);
}

/** Why a file may not be what its owner wrote; undefined where only we and root can have. */
export function suspicionOf(facts: Stats): string | undefined {
  if (!isTrusted(facts.uid)) return `belongs to another user (uid ${facts.uid})`;
  return othersMayWrite(facts) ? 'can be written by others' : undefined;
}

/**
 * The text of a file that one of our programs wrote into a folder of ours; undefined where it is not there or
 * may be somebody else's.
 */
export async function readOwnText(path: string, most = 64 * mostBytes): Promise<string | undefined> {
  if (!isOwnFolder(dirname(path))) return undefined;
  const file = await open(path, opening).catch(() => undefined);
  if (!file) return undefined;
  try {
    const facts = await file.stat();
    checkKind(facts, most);
    return isTrusted(facts.uid) ? await file.readFile('utf8') : undefined;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/** The end of a file, at most so many bytes; empty text where it cannot be read. */
export async function readEnd(path: string, bytes: number): Promise<string> {
  const file = await open(path, opening).catch(() => undefined);
  if (!file) return '';
  try {
    const facts = await file.stat();
    if (!facts.isFile()) return '';
    const length = Math.min(bytes, facts.size);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, facts.size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await file.close();
  }
}
