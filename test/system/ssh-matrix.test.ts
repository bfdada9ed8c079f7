import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { proveRows } from '../prove.js';

/*
 * Sixteen hosts of which every one is different, in namespaces of their own, so that the other bed of hosts
 * can be up beside it; `ssh HOST true` with the same configuration is the judge.
 */

interface Row {
  name: string;
  transport: string;
  problems: string[];
}

// The bed lies in /var/tmp, and its configuration of ssh among the system's; this package may lie there, too.
const inside = [
  'mkdir -p /run/package /etc/ssh/ssh_config.d && mount --bind "$PWD" /run/package',
  'for place in /var/tmp /etc/ssh/ssh_config.d; do mount -t tmpfs -o mode=1777 tmpfs $place || exit; done',
  'mkdir -p "$PWD" && mount --bind /run/package "$PWD" && cd "$PWD" && exec "$@"',
].join('\n');

describe.skipIf(process.getuid?.() !== 0)(
  'hosts of which every one is different (needs root for its bed)',
  () => {
    beforeAll(() => {
      const shells =
        'need_packages ssh sshd zsh fish tcsh bsd-csh -- openssh-client openssh-server zsh fish tcsh ' +
        'csh iproute2';
      execFileSync('bash', ['-c', `. test/beds/packages.sh; ${shells}; need_users hpc hpc2`], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }, 300_000);

    // Hosts get five seconds each: on a machine with other suites what is wrong twice is wrong.
    test('each is there, or refused with its own sentence, with both transports', {
      retry: 1,
      timeout: 240_000,
    }, async () => {
      const { rows, said } = await proveRows<Row>(
        resolve('test/beds/alone'),
        'bash',
        '-c',
        inside,
        'matrix',
        process.execPath,
        'proof/ssh-matrix.js',
        '--json',
        '--quick',
      );
      expect(rows.length, said).toBe(32);
      expect(rows.filter(({ problems }) => problems.length > 0)).toEqual([]);
    });
  },
);
