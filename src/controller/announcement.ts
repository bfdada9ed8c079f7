import { lstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, normalize } from 'node:path';
import { bootId } from '../base/boot.js';
import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { newToken } from '../base/identifiers.js';
import type { Log } from '../base/log.js';
import { isOwnFolder } from '../base/own-folder.js';
import { inspectProcess } from '../processes/table.js';
import { type ConnectionFile, type Role, writeConnectionFile } from '../profile/connection-file.js';
import { type KeyFile, writeKeyFile } from '../profile/key-file.js';
import { ownerOfListedFile, writeListedFile } from '../profile/listed-file.js';
import { ownFiles } from '../profile/own-files.js';
import { joinFile, type Place, pathsOf } from '../profile/paths.js';
import { protocolVersion } from '../protocol/messages.js';
import type { OpenGateway } from '../transport/gateway-door.js';
import type { Passes } from './passes.js';

/** How often it is looked whether the files are still there (milliseconds). */
const restoreInterval = 10_000;

/** Where and as whom this controller can be met. */
export interface Presence {
  place: Place;
  addresses: string[];
  socket: string;
  nonce: string;
  lease: number;
  /** True where Python's tools of this machine may list it, and end it by its process. */
  listed: boolean;
  /** Fields by which Python's programs find their gateway. */
  python?: Pick<OpenGateway, 'engine' | 'client'> | undefined;
}

/**
 * The files by which peers find the controller: the profile's own, and one in the folder of each job that may
 * join.
 */
export class Announcement {
  readonly #presence: Presence;
  readonly #keys: KeyFile;
  readonly #passes: Passes;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;

  /** `joins` are folders of jobs that may join from the beginning. */
  constructor(presence: Presence, keys: KeyFile, passes: Passes, log: Log, joins: readonly string[] = []) {
    this.#log = log;
    this.#presence = presence;
    this.#keys = keys;
    this.#passes = passes;
    for (const folder of new Set([...Object.keys(keys.joins ?? {}), ...joins])) this.#grant(folder);
  }

  /** Writes all of them; call it when everything listens. */
  publish(): void {
    for (const { write } of this.#files()) write();
    this.#timer = setInterval(() => void this.#restore(), restoreInterval).unref();
  }

  /** Every file and how it is written, in the order in which peers may find them. */
  #files(): { path: string; write: () => unknown }[] {
    const { place, listed, python } = this.#presence;
    const { engineFile, clientFile, keyFile, listedFile } = pathsOf(place);
    const { engine, client } = this.#keys.tokens;
    const list = { path: listedFile, write: () => isPythons(place) || writeListedFile(place, process.pid) };
    return [
      { path: keyFile, write: () => writeKeyFile(keyFile, this.#keys) },
      ...this.#passes.folders.map((folder) => ({
        path: joinFile(folder),
        write: () => this.#writeJoin(folder),
      })),
      { path: engineFile, write: () => this.#write(engineFile, 'engine', engine, python?.engine) },
      { path: clientFile, write: () => this.#write(clientFile, 'client', client, python?.client) },
      ...(listed ? [list] : []),
    ];
  }

  /**
   * Writes again what somebody has removed while we live: nobody else would find us. Another controller's
   * files are left as they are.
   */
  async #restore(): Promise<void> {
    for (const { path, write } of this.#files()) {
      const isThere = await lstat(path).then(
        () => true,
        (error: unknown) => systemCode(error) !== 'ENOENT',
      );
      if (isThere || this.#timer === undefined) continue;
      try {
        write();
        this.#log.warn('a file by which others find this controller was gone and is written again', path);
      } catch (error) {
        this.#log.debug(
          'a file by which others find this controller cannot be written again',
          messageOf(error),
        );
      }
    }
  }

  /**
   * Lets a job's supervisors join: their connection file goes into the job's folder, with a token of the
   * job's own.
   */
  admit(folder: string): void {
    checkJobFolder(folder);
    this.#grant(folder);
    writeKeyFile(pathsOf(this.#presence.place).keyFile, this.#keys);
    this.#writeJoin(folder);
  }

  #grant(folder: string): void {
    const token = this.#keys.joins?.[folder] ?? newToken();
    this.#keys.joins = { ...this.#keys.joins, [folder]: token };
    this.#passes.grant(folder, token);
  }

  /** Takes all of them away, but not what Python's controller has put in their place. */
  async withdraw(keepKeys = false): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const { place } = this.#presence;
    const joins = this.#passes.folders.map(joinFile);
    const keys = keepKeys ? [] : [pathsOf(place).keyFile];
    await Promise.all([...ownFiles(place), ...keys, ...joins].map(removeFile));
  }

  #writeJoin(folder: string): void {
    // A folder that is gone, or somebody else's by now, has no use for it.
    if (isOwnFolder(folder)) this.#write(joinFile(folder), 'engine', this.#keys.joins?.[folder] ?? '');
  }

  #write(path: string, role: Role, token: string, python: object = {}): void {
    const { place, addresses, socket, nonce, lease } = this.#presence;
    const { certificate, fingerprint, memory, cluster, port } = this.#keys;
    const file: ConnectionFile = {
      kind: 'ipcluster',
      protocol: protocolVersion,
      role,
      clusterId: place.clusterId,
      addresses,
      port,
      socket,
      memory,
      host: hostname(),
      boot: bootId(),
      pid: process.pid,
      nonce,
      cluster,
      lease,
      certificate,
      fingerprint,
      token,
      location: hostname(),
    };
    writeConnectionFile(path, { ...python, ...file });
  }
}

/**
 * True where Python's tools have listed a cluster of theirs that lives: it may be this one, under
 * `ipp.Cluster`.
 */
function isPythons(place: Place): boolean {
  const { owner, pid } = ownerOfListedFile(place);
  return owner === 'python' && (pid === undefined || inspectProcess(pid) !== undefined);
}

/** Throws USAGE unless that is the folder of a job: nothing is written anywhere else for anybody. */
function checkJobFolder(folder: string): void {
  const facts =
    isAbsolute(folder) && !folder.includes('\0') ? lstatSync(folder, { throwIfNoEntry: false }) : undefined;
  const isOurs =
    facts?.isDirectory() === true && (process.getuid === undefined || facts.uid === process.getuid());
  if (isOurs && normalize(folder) === folder && basename(dirname(folder)) === 'jobs') return;
  throw new IpclusterError(
    'USAGE',
    `This is no folder of a job of yours: ${JSON.stringify(folder).slice(0, 300)}`,
  );
}
