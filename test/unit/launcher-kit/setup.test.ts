import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explainLog } from '../../../src/cluster/causes.js';
import { submitEnvironment } from '../../../src/launcher-kit/tool-environment.js';
import { renderNode, runNode } from './rendered-node.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

const verdictOf = (log: string, code: number | null) => explainLog(log.trim().split('\n'), code ?? undefined);
const isThere = (path: string): boolean => existsSync(path);

/** Files that define `module` on this machine. */
const debian = '/usr/share/modules/init/bash';
const lmod = '/usr/share/lmod/lmod/init/bash';
const hasModules = isThere(debian) || isThere(lmod);

describe('modules', () => {
  test.skipIf(hasModules)('where nothing defines them, that is the verdict', async () => {
    await renderNode(folder, { modules: ['mytool/1.2'] });
    const { code, log } = await runNode(folder, 0);
    expect(code).toBe(1);
    expect(verdictOf(log, code)?.code).toBe('no-modules');
  });

  test('are defined by what MODULESHOME or LMOD_PKG names, where nothing else does', async () => {
    write('own/init/bash', `module() { echo "loads $*"; export FOUND=own; }`);
    await renderNode(folder, { modules: ['mytool/1.2'] });
    for (const [index, variable] of ['MODULESHOME', 'LMOD_PKG'].entries()) {
      if (hasModules) break;
      const { code, log } = await runNode(folder, index, { [variable]: join(folder, 'own') });
      expect([code, log]).toEqual([0, expect.stringContaining('it ran: own')]);
    }
  });

  test('come from an exported function or BASH_ENV that the shell was given', async () => {
    const file = write('bash-env', 'module() { export FOUND=file; }');
    await renderNode(folder, { modules: ['mytool/1.2'] });
    expect(
      (await runNode(folder, 0, { 'BASH_FUNC_module%%': '() { export FOUND=function; }' })).log,
    ).toContain('it ran: function');
    expect((await runNode(folder, 1, { BASH_ENV: file })).log).toContain('it ran: file');
  });

  test('a prologue that is first defines what they need', async () => {
    const prologue = ['module() { export FOUND="$*"; }', 'set -eu'];
    await renderNode(folder, { modules: ['mytool/1.2'], prologue, setupOrder: 'prologue-first' });
    expect(await runNode(folder, 0)).toEqual({
      code: 0,
      log: expect.stringContaining('it ran: load mytool/1.2'),
    });
  });

  test('that cannot be loaded are a verdict of their own, with the words of the tool', async () => {
    await renderNode(folder, { modules: ['nosuch/9'] });
    const tool = '() { echo "ERROR: Unable to locate a modulefile for $2" >&2; return 1; }';
    const { code, log } = await runNode(folder, 0, { 'BASH_FUNC_module%%': tool });
    const verdict = verdictOf(log, code);
    expect([code, verdict?.code]).toEqual([1, 'no-modules']);
    expect(verdict?.lines?.join('\n')).toContain('Unable to locate a modulefile for nosuch/9');
  });

  test.skipIf(!isThere(debian))('work with environment-modules', async () => {
    write('modulefiles/mytool/1.2', '#%Module1.0\nsetenv FOUND tcl\n');
    await renderNode(folder, { modules: ['mytool/1.2'] });
    expect((await runNode(folder, 0, { MODULEPATH: join(folder, 'modulefiles') })).log).toContain(
      'it ran: tcl',
    );
    const missing = await runNode(folder, 1, { MODULEPATH: '/nowhere' });
    expect(verdictOf(missing.log, missing.code)).toMatchObject({
      code: 'no-modules',
      lines: expect.arrayContaining([
        expect.stringContaining("Unable to locate a modulefile for 'mytool/1.2'"),
      ]),
    });
    // Where a module lies may be said in a prologue.
    await renderNode(folder, {
      modules: ['mytool/1.2'],
      setupOrder: 'prologue-first',
      prologue: [`. ${debian}`, `module use ${join(folder, 'modulefiles')}`],
    });
    expect((await runNode(folder, 2)).log).toContain('it ran: tcl');
  });

  test.skipIf(!isThere(lmod))('work with Lmod', async () => {
    write('modulefiles/mytool/1.2.lua', 'setenv("FOUND", "lua")\n');
    await renderNode(folder, { modules: ['mytool/1.2'] });
    expect((await runNode(folder, 0, { MODULEPATH: join(folder, 'modulefiles') })).log).toContain(
      'it ran: lua',
    );
    const missing = await runNode(folder, 1, { MODULEPATH: '/nowhere' });
    expect(verdictOf(missing.log, missing.code)).toMatchObject({
      code: 'no-modules',
      lines: expect.arrayContaining([expect.stringContaining('The following module(s) are unknown')]),
    });
  });
});

describe('environments', () => {
  test('a job gets BASH_ENV and exported functions', () => {
    const env = {
      BASH_ENV: '/b',
      'BASH_FUNC_module%%': '() { :; }',
      'BASH_FUNC_ml()': '() { :; }',
      BASHOPTS: 'x',
    };
    const { BASHOPTS, ...wanted } = env;
    expect([submitEnvironment(env), BASHOPTS]).toEqual([wanted, 'x']);
  });

  test('an `activate` that uses what is not set works, whatever the lines around it have set', async () => {
    const activate = 'PS1="(x) $PS1$NOT_SET_AT_ALL"; export FOUND=venv';
    write('env/bin/activate', activate);
    write('base/etc/profile.d/conda.sh', `conda() { ${activate}; }`);
    write('bin/conda', `#!/bin/sh\necho ${join(folder, 'base')}\n`);
    const env = {
      BASH_ENV: write('strict', 'set -u'),
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
    };
    const prologue = ['set -eu'];
    await renderNode(folder, {
      venv: join(folder, 'env'),
      conda: 'x',
      prologue,
      setupOrder: 'prologue-first',
    });
    expect(await runNode(folder, 0, env)).toEqual({ code: 0, log: expect.stringContaining('it ran: venv') });
    await renderNode(folder, { venv: join(folder, 'env'), conda: 'x', prologue });
    expect(await runNode(folder, 1, env)).toEqual({ code: 0, log: expect.stringContaining('it ran: venv') });
  });
});
