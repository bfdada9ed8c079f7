import { writeWhole } from '../base/files.js';
import { readFileText } from '../base/own-file.js';
import { type Place, pathsOf } from './paths.js';

/** What Python's tools write of a cluster, as far as it is looked at (7.1, cluster/cluster.py, `to_dict`). */
interface ListedFile {
  controller?: { class?: unknown; state?: { pid?: unknown; output_file?: unknown } };
}

/**
 * Writes the file by which Python's `ipcluster list`, `Cluster.from_file` and Jupyter's tab find a cluster.
 * The fields are those of `LocalControllerLauncher.to_dict`; without engine sets: engines end with the
 * controller.
 */
export function writeListedFile(place: Place, pid: number): void {
  const { profileFolder: profile_dir, clusterId: cluster_id } = place;
  const settings = { controller_args: [], controller_ip: '', controller_location: '', delay: 1, n: null };
  const cluster = { cluster_id, profile_dir, ...settings, class: 'ipyparallel.cluster.cluster.Cluster' };
  const state = { cluster_id, output_file: '', pid, profile_dir, state: 'running' };
  const engines = { class: 'local', sets: {} };
  const controller = { class: 'local', state };
  writeWhole(pathsOf(place).listedFile, JSON.stringify({ cluster, controller, engines }));
}

/**
 * Whose that file is. Python's tools write ours anew from what they have read of it, so nothing of ours stays
 * in it but values: their own controllers of this machine always have a file for their output, ours never.
 */
export function ownerOfListedFile(place: Place): { owner: 'ours' | 'python' | 'nobody'; pid?: number } {
  const { controller } = read(pathsOf(place).listedFile) ?? {};
  const { pid, output_file } = controller?.state ?? {};
  if (controller === undefined) return { owner: 'nobody' };
  const number = typeof pid === 'number' && Number.isInteger(pid) && pid > 0 ? { pid } : {};
  return { owner: controller.class === 'local' && output_file === '' ? 'ours' : 'python', ...number };
}

function read(path: string): ListedFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileText(path).text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // What is not there, or cannot be read, is nobody's.
    return undefined;
  }
}
