import { isDeepStrictEqual } from 'node:util';
import type { Host } from './hosts.js';

/*
 * Files of hosts as other programs write them: mpirun's, GNU parallel's, one line for each core, Grid
 * Engine's $PE_HOSTFILE.
 */

/**
 * What a line says behind its host, in words of ours; a second column of numbers is how many engines it
 * takes.
 */
export function factsOf(words: readonly string[]): string[] {
  const [count = '', queue, processors, ...more] = words;
  if (!/^\d+$/.test(count)) return [...words];
  // Grid Engine: host, slots, queue, processors.
  const isGridEngine =
    queue !== undefined &&
    more.length === 0 &&
    (queue.includes('@') || /UNDEFINED|NULL|^\d/.test(processors ?? ''));
  return [`slots=${count}`, ...(isGridEngine ? [] : words.slice(1))];
}

/** Words that say how many engines a host takes; the first that is there counts. */
export const countWords = ['slots', 'cores', 'cpu', 'cpus', 'max_slots', 'max-slots'] as const;

/** Words of mpirun's that mean nothing here: how a host is built is seen by itself. */
export const withoutMeaning = ['sockets', 'boards', 'sockets_per_board', 'cores_per_socket'] as const;

/**
 * One host for each name: a host that a file names several times takes so many engines, as mpirun and batch
 * systems mean it. Answers the word of one about which the lines say different things.
 */
export function merged(hosts: readonly Host[]): Host[] | string {
  const known = new Map<string, Host>();
  for (const host of hosts) {
    const before = known.get(host.word);
    if (before && !isDeepStrictEqual({ ...before, slots: 0 }, { ...host, slots: 0 })) return host.word;
    known.set(host.word, before ? { ...host, slots: (before.slots ?? 1) + (host.slots ?? 1) } : host);
  }
  return [...known.values()];
}
