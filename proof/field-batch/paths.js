// Work folders with names that people have, or that a script's own line could take for something else.
import { join } from 'node:path';

const odd = ['a b', "it's", 'q"q', 'd$x', 'c:d', 'k,l', 'ü', 'h#h', 's*?[x]', 'p%jq', '-dash'];

export const rows = [
  {
    entry: 'F16 a work folder with blanks, quotes, $, \\, :, comma, ü, #, %, on Slurm',
    bed: 'slurm',
    expected: 'two engines in each, the backslash refused by name',
    async run(scene) {
      for (const name of odd) {
        const { engines, error } = await scene.start('-n', '2', '--work-dir', join(scene.folder, 'w', name));
        scene.is(name, engines ?? error?.message, 2);
        await scene.run('stop');
      }
      const { error } = await scene.start('-n', '2', '--work-dir', join(scene.folder, 'w', 'b\\s'));
      scene.is('b\\s', `${error?.code} ${error?.message}`, /^USAGE Slurm writes no output into a folder with a backslash/);
    },
  },
];
