import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { programFile } from '../../../src/base/package.js';
import type { BatchRequest, JobSpec } from '../../../src/launcher-kit/contract.js';
import { createLauncher, openLauncher } from '../../../src/launcher-kit/registry.js';
import {
  Raw,
  readTemplate,
  renderTemplate,
  templateNames,
  templateRoot,
} from '../../../src/launcher-kit/templates.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-scripts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const request = (change: Partial<BatchRequest> = {}): BatchRequest => ({
  resources: { time: 3_600_000, account: 'proj1', queue: 'short', cpusPerTask: 2, memory: 2 ** 31 },
  extra: ['--hint', "it's"],
  directives: {},
  surroundings: {
    modules: ['gcc/12'],
    conda: 'my env',
    venv: undefined,
    environment: { GREETING: "it's here" },
    prologue: ['ulimit -c 0'],
    epilogue: ['echo bye'],
  },
  single: false,
  ...change,
});

function spec(batch: BatchRequest, count = 8): JobSpec {
  return {
    name: 'ipc-123456-e0a4',
    argv: ['/opt/node', programFile('ipengine'), '--file', "/work/it's/join.json"],
    count,
    batch,
    env: { IPCLUSTER_MARK: '/home/a b/profile##run/engines' },
    jobDir: '/work/jobs/one',
    cwd: '/home/a b',
  };
}

/** Every system with every shape; what each needs to be told besides. */
const cases: [string, 'gang' | 'array', string[]][] = [
  ['slurm', 'gang', []],
  ['slurm', 'array', []],
  ['pbs', 'gang', []],
  ['pbs', 'array', []],
  ['pbs', 'gang', ['flavor=torque']],
  ['pbs', 'array', ['flavor=torque']],
  ['sge', 'gang', ['pe=mpi']],
  ['sge', 'array', ['pe=smp']],
  ['lsf', 'gang', []],
  ['lsf', 'array', []],
  ['ssh', 'gang', ['hosts=host[1-2]:4']],
  ['mpi', 'gang', []],
  ['here', 'gang', ['system=slurm']],
  ['here', 'gang', ['system=pbs']],
  ['here', 'gang', ['system=sge']],
  ['here', 'gang', ['system=lsf']],
];

describe.each(cases)('scripts of %s, %s %j', (system, shape, options) => {
  const title = [
    system,
    shape,
    ...options.map((option) => option.replace(/.*=/, '').replaceAll(/[^\w]/g, '')),
  ].join('-');

  async function texts(batch: BatchRequest): Promise<Record<string, string>> {
    const launcher = createLauncher(await openLauncher(system), options);
    const { files, commands } = launcher.plan(spec(batch));
    const shown = commands
      .map(({ argv, input }) => `${argv.join(' ')}${input ? ` <${input}` : ''}\n`)
      .join('');
    const root = resolve('.');
    const clean = (text: string): string =>
      text.replaceAll(root, '/package').replaceAll(process.execPath, '/opt/node');
    return Object.fromEntries([
      ...files.map(({ path, text }) => [path.replace(/.*\//, ''), clean(text)]),
      ['command', clean(shown)],
    ]);
  }

  test('stand as golden files', async () => {
    const all = await texts(request({ shape }));
    for (const [name, text] of Object.entries(all))
      await expect(text).toMatchFileSnapshot(join('../../golden', title, name));
  });

  test('pass bash -n and shellcheck', async () => {
    for (const single of [false, true]) {
      const all = await texts(request({ shape, single }));
      for (const [name, text] of Object.entries(all).filter(([file]) => file.endsWith('.sh'))) {
        const path = join(folder, `${title}-${name}`);
        writeFileSync(path, text);
        execFileSync('/bin/bash', ['-n', path]);
        const { error, stdout, status } = spawnSync('shellcheck', ['-s', 'bash', path], { encoding: 'utf8' });
        if (!error) expect([status, stdout]).toEqual([0, '']);
      }
    }
  });
});

test('where fewer are enough, each node of a gang of Slurm has a step of its own', async () => {
  const launcher = createLauncher(await openLauncher('slurm'), []);
  const scriptFor = (enough: number): string =>
    launcher
      .plan({ ...spec(request({ shape: 'gang' })), enough })
      .files.find(({ path }) => path.endsWith('/job.sh'))?.text ?? '';
  expect(scriptFor(8)).not.toContain('--relative=');
  const path = join(folder, 'slurm-partial-job.sh');
  writeFileSync(path, scriptFor(6));
  expect(scriptFor(6)).toContain('--relative="$index"');
  execFileSync('/bin/bash', ['-n', path]);
  const { stdout, status } = spawnSync('shellcheck', ['-s', 'bash', path], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
});

test('shellcheck is here, so that the scripts were really looked at', () => {
  expect(spawnSync('shellcheck', ['--version']).error).toBeUndefined();
});

/** Names of values that stand inside quotes of a line. */
function quotedValues(line: string): string[] {
  const found: string[] = [];
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const value = /^\{\{\{?(\w+)\}\}\}?/.exec(line.slice(at));
    if (value) {
      if (quote) found.push(value[1] ?? '');
      at += value[0].length - 1;
    } else if (line[at] === '\\') at += 1;
    else if (quote ? line[at] === quote : line[at] === '"' || line[at] === "'")
      quote = quote ? '' : (line[at] ?? '');
  }
  return found;
}

describe('templates', () => {
  const systems = readdirSync(templateRoot());
  const all = systems.flatMap((system) => templateNames(system));

  test.each(all)(
    '%s puts nothing into a script unquoted but directives and lines of the user’s own',
    (name) => {
      const text = readTemplate(name, [templateRoot()]);
      const raw = [...text.matchAll(/^(.*)\{\{\{(.*?)\}\}\}(.*)$/gm)];
      for (const [, before, inner, after] of raw) {
        // A line of its own, from one of the lists that hold whole lines.
        expect([before, inner, after?.replace(' || exit 1', '')]).toEqual(['', 'this', '']);
      }
      const lists = [...text.matchAll(/\{\{#each (\w+)\}\}/g)].map(([, list]) => list);
      for (const list of lists)
        expect(['directives', 'variables', 'modules', 'prologue', 'epilogue', 'setup', 'files']).toContain(
          list,
        );
      // A value inside quotes of the script's own would be quoted twice, and could end them; numbers need no
      // quotes.
      const numbers = ['shift', 'timeLimit', 'cpusPerTask', 'perPart', 'index'];
      for (const line of text.split('\n').filter((one) => !one.startsWith('#')))
        expect(quotedValues(line).filter((value) => !numbers.includes(value))).toEqual([]);
    },
  );

  test('whatever is put in stays one word', () => {
    const path = join(folder, 'mine');
    const evil = `a'b"c $(touch ${path}) \`touch ${path}\` ; touch ${path} \n touch ${path}`;
    execFileSync('mkdir', ['-p', join(folder, 'evil')]);
    writeFileSync(
      join(folder, 'evil/job.sh.hbs'),
      'printf %s {{one}}\nprintf "|%s" {{many}}\n{{#each lines}}\n{{{this}}}\n{{/each}}\n',
    );
    const text = renderTemplate(
      'evil/job.sh.hbs',
      { one: evil, many: [evil, 'x'], lines: [new Raw('true')] },
      [folder],
    );
    expect(execFileSync('/bin/bash', ['-c', text], { encoding: 'utf8' })).toBe(`${evil}|${evil}|x`);
    expect(existsSync(path)).toBe(false);
  });

  test("a profile's own template goes before ours", async () => {
    execFileSync('mkdir', ['-p', join(folder, 'own/slurm')]);
    writeFileSync(join(folder, 'own/slurm/job.sh.hbs'), '#!/bin/bash\n# mine for {{name}}\n');
    const launcher = createLauncher(await openLauncher('slurm'), []);
    const { files } = launcher.plan({ ...spec(request()), templates: join(folder, 'own') });
    expect(files[0]?.text).toContain('# mine for ipc-123456-e0a4');
    expect(files[1]?.text).toContain('What runs on each node');
  });

  test("a profile's own templates are refused where others could have written them", async () => {
    const own = join(folder, 'own');
    execFileSync('mkdir', ['-p', join(own, 'slurm')]);
    writeFileSync(join(own, 'slurm/job.sh.hbs'), '#!/bin/bash\n');
    const launcher = createLauncher(await openLauncher('slurm'), []);
    const plan = () => launcher.plan({ ...spec(request()), templates: own });
    for (const name of ['', 'slurm', 'slurm/job.sh.hbs']) {
      const path = join(own, name);
      const { mode } = statSync(path);
      chmodSync(path, 0o777);
      expect(plan, name).toThrow(/can be written by/);
      chmodSync(path, mode);
    }
    expect(plan().files[0]?.text).toBe('#!/bin/bash\n');
  });

  test('directives can be replaced and removed, and are one line each', async () => {
    const launcher = createLauncher(await openLauncher('slurm'), []);
    const plan = (directives: Record<string, string>): string =>
      launcher.plan(spec(request({ directives }))).files[0]?.text ?? '';
    const text = plan({ '--mem-per-cpu': '', '--partition': 'long', '--exclusive': 'true' });
    expect(text).not.toContain('--mem-per-cpu');
    expect(text).toContain('#SBATCH --partition=long\n');
    expect(text).toContain('#SBATCH --exclusive\n');
    expect(() => plan({ '--partition': 'a\nrm -rf /' })).toThrow(/one line/);
  });
});

test('secrets are nowhere in scripts and commands', async () => {
  const launcher = createLauncher(await openLauncher('slurm'), []);
  expect(JSON.stringify(launcher.plan(spec(request())))).not.toMatch(/token|BEGIN|Bearer/i);
});

test('what a system has nothing like is refused with a sentence, before anything is written', async () => {
  const sge = createLauncher(await openLauncher('sge'), []);
  expect(() => sge.plan(spec(request({ resources: { nodes: 2 } })))).toThrow(/no --nodes/);
  expect(() => sge.plan(spec(request({ resources: { cpusPerTask: 2 } })))).toThrow(/parallel environment/);
  const pbs = createLauncher(await openLauncher('pbs'), []);
  expect(() => pbs.plan(spec(request({ resources: { qos: 'x' } })))).toThrow(/no --qos/);
});

test.each([
  ['slurm', 'mpirun', 'run mpirun -n 8 '],
  ['slurm', 'srun', 'run srun --ntasks=8 '],
  ['pbs', 'mpirun', 'run mpirun -n 8 '],
  ['lsf', 'mpirun', 'run mpirun -n 8 '],
] as const)('%s spreads engines as ranks of %s', async (system, spread, line) => {
  const launcher = createLauncher(await openLauncher(system), []);
  const files = launcher.plan(spec(request({ spread }))).files.map(({ path, text }) => ({ path, text }));
  expect(files[0]?.text).toContain(line);
  expect(files[0]?.text).toContain("IPCLUSTER_LAYOUT='1(x8)'");
  expect(files[1]?.text).toContain('IPCLUSTER_RANK');
  for (const { path, text } of files) {
    const file = join(folder, `${system}-${spread}-${path.replace(/.*\//, '')}`);
    writeFileSync(file, text);
    expect(spawnSync('shellcheck', ['-s', 'bash', file], { encoding: 'utf8' }).stdout).toBe('');
  }
  expect(() => launcher.plan(spec(request({ spread, shape: 'array' })))).toThrow(/one MPI job/);
});

test('an array that is too large is split evenly, and its elements are counted on', async () => {
  const slurm = createLauncher(await openLauncher('slurm'), []);
  const { files, commands } = slurm.plan(
    spec(request({ shape: 'array', resources: { tasksPerNode: 1 } }), 1001),
  );
  expect(commands.map(({ argv }) => argv.at(-1))).toEqual([
    '/work/jobs/one/job.sh',
    '/work/jobs/one/job-2.sh',
  ]);
  const [first] = files.map(({ text }) => text);
  expect(first).toContain('--array=0-500\n');
  expect(files.find(({ path }) => path.endsWith('job-2.sh'))?.text).toContain('--array=0-499\n');
  expect(files.find(({ path }) => path.endsWith('job-2.sh'))?.text).toContain('SLURM_ARRAY_TASK_ID + 501');
});

test('golden files are only of cases that there are', () => {
  const titles = cases.map(([system, shape, options]) =>
    [system, shape, ...options.map((option) => option.replace(/.*=/, '').replaceAll(/[^\w]/g, ''))].join('-'),
  );
  // Those of the protocol stand beside them.
  expect(readdirSync('test/golden').sort()).toEqual([...titles, 'protocol'].sort());
  expect(readFileSync('test/golden/slurm-gang/job.sh', 'utf8')).toContain('#SBATCH --ntasks=8');
});
