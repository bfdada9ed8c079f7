import { fstatSync, readFileSync } from 'node:fs';
import { IpclusterError, messageOf } from '../base/errors.js';
import { fromBytes } from '../base/shell.js';

/** Exit code of a program whose reader has gone, as the shell gives it (128 + SIGPIPE). */
const readerGone = 141;

let gone = false;
const listeners = new Set<() => void>();

/** True when nobody reads stdout any more. */
export const isReaderGone = (): boolean => gone;

/** What is to be ended when nobody reads stdout any more; without any such, the program ends at once. */
export function onReaderGone(listener: () => void): void {
  listeners.add(listener);
}

/** A reader that leaves (`| head -1`) is no failure: what is under way is ended, quietly. */
export function watchReader(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone = true;
    if (listeners.size === 0) process.exit(readerGone);
    for (const listener of listeners) listener();
  });
}

/** Writes, and waits while the reader is slow. */
export async function put(name: 'stdout' | 'stderr', bytes: string | Uint8Array): Promise<void> {
  const stream = process[name];
  if (bytes.length === 0 || stream.destroyed) return;
  // With an error the stream calls back, too: the reader has gone.
  if (!stream.write(bytes)) await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

/** Ends the program when all that it wrote is read. */
export async function leave(): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    if (stream.writableLength > 0 && !stream.destroyed)
      await new Promise<void>((resolve) => stream.write('', () => resolve()));
  process.exit(gone ? readerGone : process.exitCode);
}

/** All of stdin, whatever it is and however slowly it comes. Throws USAGE when it cannot be read. */
export async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    if (fstatSync(0).isDirectory()) throw new Error('it is a folder');
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw new IpclusterError('USAGE', `stdin cannot be read: ${messageOf(cause)}`, { cause });
  }
  return Buffer.concat(chunks);
}

/** The words of the command line; those that are no UTF-8, which Node replaces, as the system has them. */
export function exactWords(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return [...words];
  try {
    const all = readFileSync('/proc/self/cmdline').subarray(0, -1);
    return splitBytes(all, 0).map(fromBytes).slice(-words.length);
  } catch {
    return [...words];
  }
}

/** Cuts bytes at every one of that kind. */
export function splitBytes(bytes: Buffer, separator: number): Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(separator); end >= 0; end = bytes.indexOf(separator, start)) {
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...parts, bytes.subarray(start)];
}
