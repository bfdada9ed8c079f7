import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  createLauncher,
  openLauncher,
  ownLaunchers,
  properName,
} from '../../../src/launcher-kit/registry.js';
import {
  ownTemplates,
  Raw,
  readTemplate,
  renderTemplate,
  templateNames,
  templateRoot,
} from '../../../src/launcher-kit/templates.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-templates-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
function template(text: string): string {
  const root = mkdtempSync(join(folder, 'root-'));
  mkdirSync(join(root, 'own'), { mode: 0o700 });
  writeFileSync(join(root, 'own', 'job.sh.hbs'), text, { mode: 0o600 });
  return root;
}
const render = (text: string, values: Parameters<typeof renderTemplate>[1]): string =>
  renderTemplate('own/job.sh.hbs', values, [template(text)]);

describe('what is put into a script', () => {
  test('is one word for the shell, whatever is in it', () => {
    const noNul = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(noNul, fc.array(noNul, { minLength: 1, maxLength: 3 }), (word, words) => {
        const script = render('printf "%s\\0" {{word}} {{words}}', { word, words });
        const said = execFileSync('/bin/bash', ['-c', script], { encoding: 'utf8' });
        expect(said).toBe([word, ...words].map((one) => `${one}\0`).join(''));
      }),
      { numRuns: 30 },
    );
  });

  test('stays as it is where it is raw, in lists and below names, too', () => {
    const lines = [new Raw('a && b'), new Raw('c')];
    expect(render('{{#each lines}}{{this}};{{/each}}{{raw}}', { lines, raw: new Raw('x | y') })).toBe(
      'a && b;c;x | y',
    );
    expect(render('{{#each rows}}{{name}} {{/each}}', { rows: [{ name: 'a b' }, { name: 'c' }] })).toBe(
      "'a b' c ",
    );
    expect(render('[{{none}}]', { none: [] })).toBe('[]');
  });
});

describe('a template', () => {
  test('of a profile goes before ours, and has ours as its parts', () => {
    const root = template('{{> shared/wait}}');
    const text = renderTemplate('own/job.sh.hbs', {}, [root, templateRoot()]);
    expect(text).toBe(renderTemplate('shared/wait.hbs', {}, [templateRoot()]));
    expect(templateNames('slurm')).toContain('slurm/job.sh.hbs');
    expect(templateNames('nowhere')).toEqual([]);
  });

  test('that is wrong, or not there, is named', () => {
    expect(() => render('{{#if x}}', {})).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(/own\/job\.sh\.hbs/) }),
    );
    expect(() => render('{{unheardOf}}', {})).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    expect(() => readTemplate('none.hbs', [folder])).toThrow(
      expect.objectContaining({ files: [join(folder, 'none.hbs')] }),
    );
  });

  test('that others could have written is refused', () => {
    const root = template('echo');
    expect(ownTemplates(root)).toEqual([root]);
    chmodSync(join(root, 'own', 'job.sh.hbs'), 0o666);
    expect(() => ownTemplates(root)).toThrow(expect.objectContaining({ code: 'FOLDER' }));
    expect([ownTemplates(undefined), ownTemplates(join(folder, 'nowhere'))]).toEqual([[], []]);
  });
});

describe('launchers', () => {
  test('are named by their files, and by what people call them', async () => {
    expect(ownLaunchers()).toEqual(['here', 'local', 'lsf', 'mpi', 'pbs', 'sge', 'slurm', 'ssh']);
    expect(properName('mpirun')).toBe('mpi');
    expect((await openLauncher('mpiexec')).name).toBe('mpi');
  });

  test('that are none are refused with the names of those that are', async () => {
    await expect(openLauncher('slrum')).rejects.toMatchObject({
      code: 'LAUNCHER_UNKNOWN',
      message: expect.stringMatching(/local, lsf, mpi/),
    });
    const path = join(folder, 'empty.mjs');
    writeFileSync(path, 'export default { name: "x" };');
    await expect(openLauncher(path)).rejects.toMatchObject({
      message: expect.stringMatching(/must come from defineLauncher/),
    });
  });

  test('have options that are checked by name and by value', async () => {
    const ssh = await openLauncher('ssh');
    expect(() => createLauncher(ssh, ['hosts'])).toThrow(/must be key=value/);
    expect(() => createLauncher(ssh, ['host=a'])).toThrow(/has no option "host"; it has .*hosts/);
    expect(() => createLauncher(ssh, ['hosts=a', 'transport=pigeon'])).toThrow(
      expect.objectContaining({ code: 'LAUNCHER_OPTIONS' }),
    );
    expect(createLauncher(ssh, ['hosts=a,b']).name).toBe('ssh');
  });
});
