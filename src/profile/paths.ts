import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { homeFolder } from '../base/owner.js';
import { userFolder } from '../base/temporary.js';

/** Which cluster is meant: a profile folder and a cluster id, which may be empty. */
export interface Place {
  profile: string;
  profileFolder: string;
  clusterId: string;
  workFolder: string;
}

/** What a caller may say about the place; the environment fills the gaps. */
export interface PlaceRequest {
  profile?: string | undefined;
  clusterId?: string | undefined;
  workFolder?: string | undefined;
}

/** IPython's own folder: `$IPYTHONDIR`, else `~/.ipython`. */
export function ipythonFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['IPYTHONDIR'] || join(homeFolder(), '.ipython'));
}

/**
 * Finds the place that is meant, honouring IPYTHONDIR, IPP_PROFILE_DIR, IPP_CLUSTER_ID and
 * IPCLUSTER_WORK_DIR. Touches nothing. Throws PROFILE for names that cannot be file names.
 */
export function findPlace(request: PlaceRequest = {}, env: NodeJS.ProcessEnv = process.env): Place {
  const given =
    request.profile === undefined && env['IPP_PROFILE_DIR'] ? resolve(env['IPP_PROFILE_DIR']) : undefined;
  const profile = given ? profileNameOf(given) : checkName('profile', request.profile ?? 'default');
  const clusterId = request.clusterId ?? env['IPP_CLUSTER_ID'] ?? '';
  if (clusterId !== '') checkName('cluster id', clusterId);
  if (ipythonFolders.has(clusterId))
    throw new IpclusterError(
      'PROFILE',
      `"${clusterId}" cannot be a cluster id: IPython has a folder of that name in the profile.`,
    );
  const profileFolder = given ?? join(ipythonFolder(env), `profile_${profile}`);
  const workFolder = resolve(request.workFolder || env['IPCLUSTER_WORK_DIR'] || profileFolder);
  return { profile, profileFolder, clusterId: clusterId === 'default' ? '' : clusterId, workFolder };
}

/** The name of a profile by its folder, written as either system does. */
export const profileNameOf = (folder: string): string => folder.replace(/^.*[\\/](profile_)?/, '');

/** Folders of a profile that are not a cluster's. */
const ipythonFolders = new Set([
  'security',
  'log',
  'pid',
  'startup',
  'db',
  'static',
  'nbextensions',
  'cluster',
]);

/** True for what can be the name of a profile or a cluster id. */
export const canBeName = (name: string): boolean => /^[A-Za-z0-9][\w.-]{0,99}$/.test(name);

function checkName(what: string, name: string): string {
  if (canBeName(name)) return name;
  throw new IpclusterError(
    'PROFILE',
    `"${name}" cannot be a ${what}: letters, digits, ".", "_" and "-" make a name.`,
  );
}

/** Every file and folder that is ours; nothing else in the profile is ever touched. */
export function pathsOf(place: Place) {
  const id = place.clusterId || 'default';
  const security = join(place.profileFolder, 'security');
  const prefix = join(security, place.clusterId ? `ipcontroller-${place.clusterId}` : 'ipcontroller');
  const work = join(place.workFolder, id);
  return {
    security,
    engineFile: `${prefix}-engine.json`,
    clientFile: `${prefix}-client.json`,
    keyFile: `${prefix}-key.json`,
    /**
     * The file for Python's clients of one machine that is not the controller's; `name` tells machines apart.
     */
    relayFile: (name: string) => `${prefix}-relay-${name}-client.json`,
    /** Python's own file of a cluster, by which its tools list it. */
    listedFile: join(security, `cluster-${place.clusterId}.json`),
    clusters: join(place.profileFolder, 'cluster'),
    clusterFile: join(place.profileFolder, 'cluster', `${id}.json`),
    work,
    jobs: join(work, 'jobs'),
    log: join(work, 'log'),
    store: join(work, 'store.sqlite'),
    registeredFile: join(work, 'registered.json'),
    /** Held by whoever starts a cluster here. */
    startLock: join(place.profileFolder, 'cluster', `${id}.lock`),
    configFile: join(place.profileFolder, 'ipcluster_config.yaml'),
  };
}

/** The connection file of a batch job's supervisors, with a token of the job's own. */
export const joinFile = (jobFolder: string): string => join(jobFolder, 'join.json');

/** The mark of everything that belongs to one cluster; `run` differs from start to start. */
export function markOf(place: Place, run: string): string {
  return `${place.profileFolder}#${place.clusterId}#${run}`;
}

/**
 * A short and unique path for one socket, in a folder of this user's; on Windows the name of a pipe, which
 * lies in no folder. Throws FOLDER.
 */
export function socketPath(seed: string, platform = process.platform): string {
  const name = createHash('sha256').update(seed).digest('hex').slice(0, 16);
  return platform === 'win32' ? `\\\\.\\pipe\\ipcluster-${name}` : join(userFolder(), `${name}.sock`);
}
