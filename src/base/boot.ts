import { readFileSync } from 'node:fs';

/** Names this start of this machine's kernel; empty text where the system does not say. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
