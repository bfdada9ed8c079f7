import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../base/remove-tree.js';
import { quoteWord } from '../../base/shell.js';
import { makeTemporaryFolder } from '../../base/temporary.js';
import type { Configuration } from './configuration.js';
import { openKeys } from './keys.js';

/**
 * Where a key has a passphrase that no agent knows and somebody is there to ask: ssh gets it from a file that
 * only we may read.
 */
export async function passphraseHelper(
  configurations: readonly Configuration[],
): Promise<{ args: string[]; env: NodeJS.ProcessEnv; said: string[]; remove: () => void }> {
  const offers = await Promise.all(configurations.map(openKeys));
  // What cannot be used on the way is said by the host there.
  const said = offers[0]?.said ?? [];
  const locked = offers.flatMap(({ keys }) => keys).filter(({ passphrase }) => passphrase !== undefined);
  if (locked.length === 0) return { args: [], env: {}, said, remove: () => {} };
  const folder = makeTemporaryFolder('ipcluster-ssh-');
  const lines = locked.map(({ path, passphrase }, index) => {
    writeFileSync(join(folder, `p${index}`), `${passphrase}\n`, { mode: 0o600 });
    return `*${quoteWord(path)}*) cat ${quoteWord(join(folder, `p${index}`))} ;;`;
  });
  const script = join(folder, 'ask');
  writeFileSync(script, `#!/bin/sh\ncase "$1" in\n${lines.join('\n')}\n*) exit 1 ;;\nesac\n`, {
    mode: 0o700,
  });
  return {
    args: ['-o', 'BatchMode=no', '-o', 'PreferredAuthentications=publickey'],
    env: { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: 'force' },
    said,
    remove: () => void removeTree(folder),
  };
}
