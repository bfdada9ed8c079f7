// What is made ready on nodes: by the tools that sites have, not by stand-ins of them.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function write(scene, name, text) {
  const path = join(scene.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

const lmod = '/usr/share/lmod/lmod/init/bash';
const found = async (scene) => (await scene.run('exec', 'process.env.FOUND')).out.trim();

/** Starts with these words, and tells what the engine was given. */
async function gives(scene, expected, ...words) {
  const { engines, error } = await scene.start('-n', '1', ...words);
  scene.is(`engines with ${words.join(' ')}`, engines ?? error?.message, 1);
  scene.is('the engine has', await found(scene), new RegExp(`(^|\\W)${expected}(\\W|$)`));
  await scene.run('stop');
}

export const rows = [
  {
    entry: 'F2 --modules with Lmod, in a shell that does not know `module`',
    bed: 'slurm',
    expected: 'the module is loaded; one that there is not is `no-modules` with the words of Lmod',
    quick: true,
    async run(scene) {
      if (!existsSync(lmod)) return scene.is('Lmod', 'is not installed', 'installed');
      write(scene, 'modulefiles/mytool/1.2.lua', 'setenv("FOUND", "lua")\n');
      scene.env.MODULEPATH = join(scene.folder, 'modulefiles');
      await gives(scene, 'lua', '--modules', 'mytool/1.2');
      const { error } = await scene.start('-n', '1', '--modules', 'nosuch/9');
      scene.is('start', error?.code, 'JOB_FAILED');
      await scene.verdict('no-modules', /nosuch\/9 cannot be loaded|module/);
    },
  },
  {
    entry: 'F2 the user has `module` as an exported function, or by BASH_ENV',
    bed: 'slurm',
    expected: 'the job uses his own',
    quick: true,
    async run(scene) {
      scene.env['BASH_FUNC_module%%'] = '() {  export FOUND="function $*"; }';
      await gives(scene, 'function load mytool', '--modules', 'mytool');
      delete scene.env['BASH_FUNC_module%%'];
      scene.env.BASH_ENV = write(scene, 'bash-env', 'module() { export FOUND="file $*"; }\n');
      await gives(scene, 'file load mytool', '--modules', 'mytool');
    },
  },
  {
    entry: 'F2 a prologue before modules, or after them',
    bed: 'slurm',
    expected: '`setupOrder` says which is first',
    quick: true,
    async run(scene) {
      if (!existsSync(lmod)) return scene.is('Lmod', 'is not installed', 'installed');
      write(scene, 'elsewhere/mytool/1.2.lua', 'setenv("FOUND", "lua" .. (os.getenv("BEFORE") or ""))\n');
      const use = [
        '--prologue',
        `. ${lmod}; module use ${join(scene.folder, 'elsewhere')}; export BEFORE=first`,
      ];
      await gives(scene, 'luafirst', '--modules', 'mytool/1.2', ...use, '--setup-order', 'prologue-first');
      const { error } = await scene.start('-n', '1', '--modules', 'mytool/1.2', ...use);
      scene.is('modules first', error?.code, 'JOB_FAILED');
      await scene.verdict('no-modules');
    },
  },
  {
    entry: 'F2 conda and venv whose `activate` fails under set -u',
    bed: 'slurm',
    expected: 'they are activated, whatever the lines around them have set',
    quick: true,
    async run(scene) {
      const activate = 'PS1="(x) $PS1$NOT_SET_AT_ALL"; export FOUND="$FOUND';
      write(scene, 'env/bin/activate', `${activate} venv"\n`);
      write(scene, 'base/etc/profile.d/conda.sh', `conda() { ${activate} conda $2"; }\n`);
      write(scene, 'bin/conda', `#!/bin/sh\necho ${join(scene.folder, 'base')}\n`);
      scene.env.BASH_ENV = write(scene, 'strict', 'set -u\nFOUND=\n');
      await gives(
        scene,
        'conda science venv',
        '--conda',
        'science',
        '--venv',
        join(scene.folder, 'env'),
        '--prologue',
        'set -eu',
      );
      await gives(
        scene,
        'conda science venv',
        '--conda',
        'science',
        '--venv',
        join(scene.folder, 'env'),
        '--prologue',
        'set -eu',
        '--setup-order',
        'prologue-first',
      );
    },
  },
];
