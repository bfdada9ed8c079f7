import { join } from 'node:path';
import { writeWhole } from '../../base/files.js';
import { readFileText } from '../../base/own-file.js';
import { isOwnFolder } from '../../base/own-folder.js';
import type { Host } from './hosts.js';
import type { OpenOptions } from './opener.js';

/** One host's part of a job. */
export interface Seat {
  /** Counts the hosts of the job; its logs and its exit record have it in their names. */
  index: number;
  host: Host;
  /** Engines that fall to it. */
  share: number;
  /** True where it sees this machine's folder of the job; else it has one of its own. */
  shared: boolean;
  folder: string;
  /** Where its scripts lie. */
  scripts: string;
  /** The port of its loopback that leads to the controller. */
  tunnel?: number | undefined;
  /** Which process there is its job: pid and moment, for people and for its engines' records. */
  process?: string | undefined;
}

/** What is written down of a job, so that another process finds its hosts again. */
export interface Seating {
  mark: string;
  options: OpenOptions;
  seats: Seat[];
}

const seatFile = (jobDir: string): string => join(jobDir, 'hosts.json');

export function writeSeating(jobDir: string, seating: Seating): void {
  writeWhole(seatFile(jobDir), `${JSON.stringify(seating)}\n`);
}

/** The hosts of a job; undefined where nothing was written down, so nothing was started. */
export function readSeating(jobDir: string): Seating | undefined {
  if (!isOwnFolder(jobDir)) return undefined;
  try {
    return JSON.parse(readFileText(seatFile(jobDir)).text) as Seating;
  } catch {
    return undefined;
  }
}

/** Ids of a job: each host's word, with the process that is its part of the job. */
export const idsOf = (seats: readonly Seat[]): string[] =>
  seats.map(({ host, process: own }) => (own === undefined ? host.word : `${host.word}/${own}`));
