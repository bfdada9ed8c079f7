import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { writeWhole } from '../base/files.js';
import type { Log } from '../base/log.js';
import { sleep } from '../base/wait.js';
import { awaitConnectionFile, type ConnectionFile, readConnectionFile } from '../profile/connection-file.js';
import { dial } from '../transport/dial.js';
import type { Link } from '../transport/link.js';

export interface JoinOptions {
  file: string;
  /** Overrides of the file's address; the secret always comes from the file. */
  controllerIp?: string | undefined;
  controllerPort?: number | undefined;
  /** Milliseconds for everything: the file, the address, the answer. */
  timeout: number;
  /** Where breadcrumbs go; none are left without it. */
  jobFolder?: string | undefined;
  log: Log;
  signal: AbortSignal;
}

/** Errors that no retry mends. */
const final = new Set(['CONNECTION_FILE', 'UNAUTHORIZED']);

/**
 * Waits for the connection file and reaches the controller, again and again with back-off and jitter for as
 * long as the time lasts. Leaves a breadcrumb before it dials and after each failure, so that "running but
 * not registered" can be explained.
 */
export async function joinController(options: JoinOptions): Promise<{ link: Link; file: ConnectionFile }> {
  const end = performance.now() + options.timeout;
  const missing = missingSecret(options);
  if (missing) options.log.warn(missing);
  for (let pause = 100; ; pause = Math.min(pause * 2, 5000)) {
    const left = Math.max(1, end - performance.now());
    try {
      const file = withOverrides(await awaitConnectionFile(options.file, left, options.signal), options);
      breadcrumb(options, file, 'dialling');
      const link = await dial(file, Math.min(10_000, Math.max(1000, left)), options.signal);
      breadcrumb(options, file, 'connected');
      return { link, file };
    } catch (error) {
      options.signal.throwIfAborted();
      if (isIpclusterError(error) && error.code === 'CONNECTION_FILE_TIMEOUT' && missing)
        throw new IpclusterError(error.code, missing, { files: error.files, suggestions: [] });
      if (!isIpclusterError(error) || final.has(error.code) || error.code === 'CONNECTION_FILE_TIMEOUT')
        throw error;
      breadcrumb(options, undefined, messageOf(error));
      options.log.warn('not joined yet', messageOf(error));
      if (performance.now() + pause > end) throw error;
      await sleep(pause * (0.5 + Math.random()), options.signal);
    }
  }
}

/** What to do where an address is given but no secret: it is in the connection file, and nowhere else. */
function missingSecret({ file, controllerIp, controllerPort }: JoinOptions): string | undefined {
  if ((controllerIp ?? controllerPort) === undefined || existsSync(file)) return undefined;
  const from = controllerIp ?? 'the controller';
  return (
    `An address alone does not let an engine in: copy ${basename(file)} from the profile's security ` +
    `folder on ${from} to ${file} (mode 0600), or name a copy with --file.`
  );
}

/**
 * Looks for the controller again after the connection was lost, for as long as the signal lets it: the file
 * may be rewritten by one that was started again. Throws UNAUTHORIZED, and CLUSTER_NOT_FOUND when another
 * cluster has taken the place.
 */
export async function rejoinController(
  options: JoinOptions,
  cluster: string,
): Promise<{ link: Link; file: ConnectionFile }> {
  for (let pause = 50; ; pause = Math.min(pause * 2, 1000)) {
    await sleep(pause * (0.5 + Math.random()), options.signal);
    try {
      const file = withOverrides(readConnectionFile(options.file), options);
      if (file.cluster !== cluster) throw replaced(options.file);
      return { link: await dial(file, 10_000, options.signal), file };
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isIpclusterError(error) || error.code === 'UNAUTHORIZED' || error.code === 'CLUSTER_NOT_FOUND')
        throw error;
      breadcrumb(options, undefined, messageOf(error));
    }
  }
}

const replaced = (file: string): IpclusterError =>
  new IpclusterError(
    'CLUSTER_NOT_FOUND',
    'Another cluster has taken the place of the one that this supervisor belongs to.',
    {
      files: [file],
    },
  );

/** Address flags override the address only; with them a Unix socket of this host is not asked first. */
function withOverrides(file: ConnectionFile, { controllerIp, controllerPort }: JoinOptions): ConnectionFile {
  if (controllerIp === undefined && controllerPort === undefined) return file;
  return {
    ...file,
    addresses: controllerIp === undefined ? file.addresses : [controllerIp],
    port: controllerPort ?? file.port,
    socket: '',
  };
}

function breadcrumb({ jobFolder, log }: JoinOptions, file: ConnectionFile | undefined, state: string): void {
  if (!jobFolder) return;
  const path = join(jobFolder, `breadcrumb-${hostname()}-${process.pid}.json`);
  const facts = {
    host: hostname(),
    pid: process.pid,
    at: new Date().toISOString(),
    addresses: file?.addresses,
    port: file?.port,
    state,
  };
  try {
    writeWhole(path, `${JSON.stringify(facts)}\n`);
  } catch (error) {
    log.warn(
      'no breadcrumb could be left',
      new IpclusterError('STORE', messageOf(error), { files: [path] }).message,
    );
  }
}
