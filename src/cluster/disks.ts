import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { formatBytes } from '../base/quantities.js';
import type { Place } from '../profile/paths.js';
import type { Finding } from './causes.js';

/** Less than this much room is as good as none (bytes). */
const leastRoom = 16 * 1024 * 1024;

/** Disks that are full, among those that a cluster writes to. */
export function checkDisks({ profileFolder, workFolder }: Place): Finding[] {
  const folders = [...new Set([profileFolder, workFolder, tmpdir(), '/dev/shm'])].filter((folder) =>
    existsSync(folder),
  );
  return folders.flatMap((folder): Finding[] => {
    try {
      const { bavail, bsize, ffree, files } = statfsSync(folder);
      if (files > 0 && ffree === 0)
        return [
          {
            code: 'disk-full',
            about: 'machine',
            sentence: `No file can be made on the disk of ${folder}.`,
            suggestions: ['`df -i`'],
          },
        ];
      if (bavail * bsize >= leastRoom) return [];
      return [
        {
          code: 'disk-full',
          about: 'machine',
          sentence: `The disk of ${folder} is full: ${formatBytes(bavail * bsize)} are left.`,
          suggestions: ['`df -h`'],
        },
      ];
    } catch (error) {
      return [
        {
          code: 'disk',
          about: 'machine',
          sentence: `${folder} cannot be looked at: ${(error as Error).message}.`,
        },
      ];
    }
  });
}
