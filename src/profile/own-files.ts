import { IpclusterError } from '../base/errors.js';
import { filesOfPython } from './connection-file.js';
import { ownerOfListedFile } from './listed-file.js';
import { type Place, pathsOf } from './paths.js';

/** Files by which peers and Python's tools find a controller of ours at a place: what Python's own has put there is not among them. */
export function ownFiles(place: Place): string[] {
  const { clientFile, engineFile } = pathsOf(place);
  const foreign = filesOfPython(place);
  return [...[clientFile, engineFile].filter((path) => !foreign.includes(path)), ...ownListedFile(place)];
}

/** The file by which Python's tools list a cluster, as a list of none or one: where it is of a controller of ours. */
export const ownListedFile = (place: Place): string[] =>
  ownerOfListedFile(place).owner === 'ours' ? [pathsOf(place).listedFile] : [];

/** The error of who would put a controller where Python's has these files. */
export const takenByPython = (files: readonly string[]): IpclusterError =>
  new IpclusterError(
    'CLUSTER_RUNNING',
    `A controller of Python's ipyparallel has its connection files there: ${files.join(', ')}.`,
    {
      files,
      suggestions: [
        'Start beside it: `ipcluster start --cluster-id second`.',
        'Or end it with its own tool (`python3 -m ipyparallel.cluster stop`). Where it is gone already, remove these files.',
      ],
    },
  );
