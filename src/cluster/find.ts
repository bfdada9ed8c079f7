import { existsSync } from 'node:fs';
import { IpclusterError, isIpclusterError } from '../base/errors.js';
import { Client } from '../client/client.js';
import { type ClusterFile, readClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { awaitReturn } from './living.js';

/** A cluster as it is found: what was written down, and its controller when that answers. */
export interface Found {
  file: ClusterFile | undefined;
  client: Client | undefined;
  /** Why the controller does not answer. */
  silence: IpclusterError | undefined;
}

/** Looks for the cluster of that place, and asks its controller for an answer within `timeout` ms. */
export async function findCluster(place: Place, timeout = 3000): Promise<Found> {
  const file = await readClusterFile(place);
  const { clientFile } = pathsOf(place);
  if (!existsSync(clientFile)) return { file, client: undefined, silence: undefined };
  try {
    return { file, client: await Client.connect({ file: clientFile, timeout }), silence: undefined };
  } catch (error) {
    if (!isIpclusterError(error)) throw error;
    return { file, client: undefined, silence: error };
  }
}

/**
 * The same, with patience for a controller that lives while its connection file is gone: it writes that
 * again.
 */
export async function findLiving(place: Place, timeout = 3000): Promise<Found> {
  const found = await findCluster(place, timeout);
  if (found.client || found.silence) return found;
  return { ...found, client: await awaitReturn(place, found.file) };
}

/** Connects to the controller of that place. Throws CLUSTER_NOT_FOUND, or why it does not answer. */
export async function connectTo(place: Place): Promise<Client> {
  const { client, silence } = await findLiving(place, 10_000);
  if (client) return client;
  throw silence ?? notFound(place);
}

/** The error for a place where nothing is. */
export function notFound({ profile, clusterId }: Place): IpclusterError {
  const id = clusterId ? `, cluster id "${clusterId}"` : '';
  return new IpclusterError('CLUSTER_NOT_FOUND', `No cluster of profile "${profile}"${id} is known here.`);
}
