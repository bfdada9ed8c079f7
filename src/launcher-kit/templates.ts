import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { IpclusterError, messageOf } from '../base/errors.js';
import { suspicionOf } from '../base/own-file.js';
import { flawOfPlace, refusal } from '../base/owned-path.js';
import { packageRoot } from '../base/package.js';
import { quoteCommand, quoteWord } from '../base/shell.js';

/** Text that goes into a script as it is: lines of the user's, and directives, which are no shell. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/**
 * Values for a template. Texts become one quoted word each, lists of texts one quoted command, {@link Raw}
 * stays.
 */
export type Values = { readonly [name: string]: Value };
type Value =
  | string
  | number
  | boolean
  | undefined
  | Raw
  | readonly string[]
  | readonly Raw[]
  | readonly Values[]
  | Values;

/** Where the templates of this package are. */
export const templateRoot = (): string => join(packageRoot(), 'templates');

/** The files of a system's templates, as `folder/name.hbs`. */
export function templateNames(folder: string, root = templateRoot()): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => name.endsWith('.hbs'))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/**
 * A profile's own folder of templates, as a list of none or one. They are scripts: throws FOLDER where others
 * could have written them.
 */
export function ownTemplates(root: string | undefined): string[] {
  if (root === undefined || !existsSync(root)) return [];
  for (const path of allTemplates(root).map((name) => join(root, name))) {
    const flaw = flawOfPlace(path);
    const suspicion = suspicionOf(statSync(path));
    if (flaw || suspicion) throw refusal(flaw ?? { why: `${path} ${suspicion}.` });
  }
  return [root];
}

/** The templates of all systems, and those that they share. */
function allTemplates(root: string): string[] {
  if (!existsSync(root)) return [];
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.flatMap(({ name }) => templateNames(name, root));
}

/**
 * Renders a template such as `slurm/job.sh.hbs`: a profile's own file goes before ours. Whatever is put in is
 * quoted for the shell unless it is {@link Raw}, so no value can become a command. Throws CONFIG for a
 * template that is wrong.
 */
export function renderTemplate(name: string, values: Values, roots: readonly string[]): string {
  const engine = openTemplates(roots);
  try {
    return engine.compile(readTemplate(name, roots), { noEscape: true, strict: true })(quoted(values));
  } catch (cause) {
    throw new IpclusterError('CONFIG', `The template ${name} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Parts of templates as they were read last; a user may write them anew while a program goes on
 * (milliseconds).
 */
const freshness = 1000;
let opened: { key: string; at: number; engine: typeof Handlebars } | undefined;

/** All templates as parts of one another. A start renders dozens within a moment, and reads them once. */
function openTemplates(roots: readonly string[]): typeof Handlebars {
  const key = roots.join('\n');
  if (opened?.key === key && performance.now() - opened.at < freshness) return opened.engine;
  const engine = Handlebars.create();
  for (const file of new Set(roots.flatMap(allTemplates)))
    engine.registerPartial(file.replace(/\.hbs$/, ''), readTemplate(file, roots));
  opened = { key, at: performance.now(), engine };
  return engine;
}

/** The text of a template. Throws CONFIG when there is none. */
export function readTemplate(name: string, roots: readonly string[]): string {
  const path = roots.map((root) => join(root, name)).find((candidate) => existsSync(candidate));
  if (path) return readFileSync(path, 'utf8');
  throw new IpclusterError('CONFIG', `There is no template ${name}.`, {
    files: roots.map((root) => join(root, name)),
  });
}

function quoted(value: Value): unknown {
  if (typeof value === 'string') return quoteWord(value);
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) {
    const list = value as readonly (string | Raw | Values)[];
    if (list.every((item) => typeof item === 'string')) return list.length === 0 ? '' : quoteCommand(list);
    return list.map(quoted);
  }
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value as Values).map(([name, inner]) => [name, quoted(inner)]));
}
