import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { packageRoot, programFile } from '../base/package.js';
import type { JobSpec } from './contract.js';
import type { BatchDialect, BatchView, Directive } from './dialect.js';
import type { PlannedFile } from './plan.js';
import type { BatchRequest, Layout } from './resources.js';
import { ownTemplates, Raw, renderTemplate, templateRoot, type Values } from './templates.js';

/** What jobs are asked for when nobody asks for anything. */
export const plainRequest: BatchRequest = {
  resources: {},
  extra: [],
  directives: {},
  surroundings: { modules: [], environment: {}, prologue: [], epilogue: [] },
  single: true,
};

/** What a script says beyond its spec. */
export interface ScriptFacts {
  /** Lines of directives. */
  lines: readonly string[];
  layout: Layout;
  /** How many elements earlier arrays of the same job have, and the index of an array's first element. */
  offset: number;
  firstIndex: number;
  /** Which of several arrays this is. */
  part: number;
  /** True for an array: its elements know their index. */
  ranged: boolean;
  /** Whose allocation it runs in, where that is not the launcher's own. */
  surrounding?: string;
  /** Values of the launcher's own. */
  values?: Values;
  /** A launcher's own folder of templates, where that is not this package's. */
  templates?: string | undefined;
}

/** Facts of a script that is no scheduler's: no directives, one part, everything at once. */
export const plainFacts: ScriptFacts = {
  lines: [],
  layout: { shape: 'gang', parts: undefined, perPart: undefined },
  offset: 0,
  firstIndex: 0,
  part: 0,
  ranged: false,
};

/** The files of a batch job: what the scheduler runs, and what runs on each node. */
export function scriptFiles(system: string, spec: JobSpec, facts: ScriptFacts): PlannedFile[] {
  const { jobDir, templates } = spec;
  const roots = [
    ...ownTemplates(templates),
    ...(facts.templates === undefined ? [] : [facts.templates]),
    templateRoot(),
  ];
  const values = valuesOf(system, spec, facts);
  const file = (name: string, template: string): PlannedFile => ({
    path: join(jobDir, name),
    text: renderTemplate(template, values, roots),
    mode: 0o700,
  });
  // Nodes of all parts run the same.
  if (facts.part > 0) return [file(`job-${facts.part + 1}.sh`, `${system}/job.sh.hbs`)];
  return [file('job.sh', `${system}/job.sh.hbs`), file('node.sh', 'shared/node.sh.hbs')];
}

function valuesOf(
  system: string,
  spec: JobSpec,
  { lines, layout, offset, firstIndex, ranged, surrounding = system, values = {} }: ScriptFacts,
): Values {
  const { name, argv, count, env, jobDir, batch = plainRequest } = spec;
  const { modules, conda, venv, environment, prologue, epilogue, setupOrder } = batch.surroundings;
  const { shape, perPart = 0, parts = 1 } = layout;
  const [program] = argv;
  const isOurs = argv.some((word) => word.startsWith(join(packageRoot(), 'dist')));
  const node = isOurs ? program : process.execPath;
  return {
    system,
    name,
    jobDir,
    count,
    cwd: spec.cwd ?? jobDir,
    argv: [...argv],
    gang: shape === 'gang' && !batch.single,
    array: ranged,
    partial: spec.enough !== undefined && spec.enough < count,
    perPart,
    parts,
    shift: offset - firstIndex,
    timeLimit: Math.round((batch.resources.time ?? 0) / 1000),
    program,
    check: isOurs ? [program, '--version'] : ['test', '-x', program],
    sweep: [node, programFile('sweep')],
    isSlurm: surrounding === 'slurm',
    isPbs: surrounding === 'pbs',
    isSge: surrounding === 'sge',
    isLsf: surrounding === 'lsf',
    cpusPerTask: batch.resources.cpusPerTask ?? 1,
    ...rankValues(spec, shape),
    staticLayout: shape === 'array' ? `${perPart}(x${parts})` : '1',
    directives: lines.map((line) => new Raw(line)),
    modules: modules.map((module) => new Raw(`load_module ${module}`)),
    variables: [...exports({ ...env, IPCLUSTER_COUNT: String(count) }), ...exports(environment)],
    conda,
    venv,
    hasSetup: modules.length > 0 || Boolean(conda ?? venv) || prologue.length > 0,
    hasModules: modules.length > 0,
    prologueFirst: setupOrder === 'prologue-first',
    prologue: prologue.map((line) => new Raw(line)),
    epilogue: epilogue.map((line) => new Raw(line)),
    ...values,
  };
}

/** One engine on each of so many ranks, as the script's layout says it. */
export const rankLayout = (count: number): string => `1(x${count})`;

/**
 * Words that start one rank for each engine, where they are to be ranks of an MPI job. Throws RESOURCES for
 * an array.
 */
function rankValues({ count, batch = plainRequest }: JobSpec, shape: Layout['shape']): Values {
  const { spread = 'native', single } = batch;
  if (single || spread === 'native') return { rankCommand: undefined };
  if (shape !== 'gang')
    throw new IpclusterError(
      'RESOURCES',
      `--spread ${spread} makes one MPI job of all engines, so they cannot be an array.`,
      {
        suggestions: ['`--shape gang`'],
      },
    );
  const steps = ['srun', `--ntasks=${count}`, '--mem=0', '--export=ALL', '--input=none', '--quiet'];
  return {
    rankLayout: rankLayout(count),
    rankCommand: spread === 'srun' ? steps : ['mpirun', '-n', String(count)],
  };
}

function exports(variables: Readonly<Record<string, string>>): Raw[] {
  return Object.entries(variables).map(([key, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(key))
      throw new IpclusterError('CONFIG', `"${key}" cannot be the name of a variable.`);
    return new Raw(`export ${key}=${quoteAlways(value)}`);
  });
}

const quoteAlways = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

/** The directives, after what the user has put in their place. */
export function directivesOf(dialect: BatchDialect, view: BatchView): Directive[] {
  const replaced = new Map<string, string>(dialect.directives(view));
  for (const [option, value] of Object.entries(view.request.directives)) {
    if (value === '') replaced.delete(option);
    else replaced.set(option, value === 'true' ? '' : value);
  }
  return [...replaced];
}

/** Directives as lines of a script. Throws CONFIG for values of several lines. */
export function directiveLines(dialect: BatchDialect, directives: readonly Directive[]): string[] {
  return directives.flatMap((directive) => {
    if (/\p{Cc}/u.test(directive.join(' ')))
      throw new IpclusterError('CONFIG', `A directive must be one line: ${directive[0]}.`);
    const words = dialect.formatDirective(directive);
    return words === undefined ? [] : [`${dialect.prefix} ${words}`];
  });
}
