import { existsSync, lstatSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { IpclusterError, messageOf } from '../base/errors.js';
import { readFileText, suspicionOf } from '../base/own-file.js';
import { flawOfPlace, refusal } from '../base/owned-path.js';
import { nearest } from './nearest.js';
import { checkValue, type Setting, settingOf, settings } from './settings.js';

/** One value of a file, and where it stands. */
export interface FileValue {
  text: string;
  line: number;
}

/** What a site demands of a value. */
export interface Demand {
  exactly?: FileValue;
  min?: FileValue;
  max?: FileValue;
}

/** A site's file: what it gives, and what it insists on. */
export interface SiteFile {
  path: string;
  defaults: Map<string, FileValue>;
  enforce: Map<string, Demand>;
}

/**
 * Reads a profile's settings; none when there is no file. Throws CONFIG with the line of the first mistake,
 * FOLDER where somebody else could have put the file there: settings name programs.
 */
export function readConfigFile(path: string): Map<string, FileValue> {
  const flaw = existsSync(path) ? flawOfPlace(path) : undefined;
  if (flaw) throw refusal(flaw);
  const file = open(path, true);
  return file ? readSettings(file.root, file) : new Map();
}

/** Reads a site's file; undefined when there is none. Throws CONFIG with the line of the first mistake. */
export function readSiteFile(path: string): SiteFile | undefined {
  const file = open(path);
  if (!file) return undefined;
  const site: SiteFile = { path, defaults: new Map(), enforce: new Map() };
  for (const [key, value, line] of pairsOf(file.root, file)) {
    if (!isMap(value)) throw file.wrong(line, `${key} must hold settings`);
    if (key === 'defaults') site.defaults = readSettings(value, file);
    else if (key === 'enforce') site.enforce = readDemands(value, file);
    else throw file.wrong(line, `there is no "${key}" here; a site file has defaults and enforce`);
  }
  return site;
}

interface OpenFile {
  root: YAMLMap;
  lineOf(node: Node | null | undefined): number;
  wrong(line: number, why: string): IpclusterError;
}

/** `own` for a file that only its user and root may have written, unless it is behind a link of his. */
function open(path: string, own = false): OpenFile | undefined {
  if (!existsSync(path)) return undefined;
  const wrong = (line: number, why: string): IpclusterError =>
    new IpclusterError('CONFIG', `${path}, line ${line}: ${why}${/[.?]$/.test(why) ? '' : '.'}`, {
      files: [path],
    });
  const lines = new LineCounter();
  let text: string;
  try {
    const file = readFileText(path);
    const suspicion = own && !lstatSync(path).isSymbolicLink() ? suspicionOf(file.facts) : undefined;
    if (suspicion) throw new Error(`it ${suspicion}`);
    text = file.text;
  } catch (cause) {
    throw new IpclusterError('CONFIG', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      files: [path],
    });
  }
  const document = parseDocument(text, { lineCounter: lines });
  const [mistake] = document.errors;
  if (mistake)
    throw wrong(
      mistake.linePos?.[0].line ?? 1,
      mistake.message.split('\n')[0]?.replace(/ at line.*/, '') ?? 'no YAML',
    );
  const lineOf: OpenFile['lineOf'] = (node) => lines.linePos(node?.range?.[0] ?? 0).line;
  if (document.contents === null) return undefined;
  if (!isMap(document.contents))
    throw wrong(lineOf(document.contents), 'it must hold settings, each as `key: value`');
  return { root: document.contents, lineOf, wrong };
}

function* pairsOf(
  map: YAMLMap,
  { lineOf }: OpenFile,
): Generator<[key: string, value: Node | null, line: number]> {
  for (const { key, value } of map.items as Pair<Node, Node | null>[]) {
    yield [isScalar(key) ? String(key.value) : '?', value, lineOf(key)];
  }
}

function readSettings(map: YAMLMap, file: OpenFile): Map<string, FileValue> {
  const values = new Map<string, FileValue>();
  for (const [key, node, line] of pairsOf(map, file)) {
    const setting = known(key, line, file);
    // A key without a value is as good as none.
    if (node === null || (isScalar(node) && node.value === null)) continue;
    values.set(key, readValue(setting, node, line, file));
  }
  return values;
}

function readDemands(map: YAMLMap, file: OpenFile): Map<string, Demand> {
  const demands = new Map<string, Demand>();
  for (const [key, node, line] of pairsOf(map, file)) {
    const setting = known(key, line, file);
    if (node === null) continue;
    if (!isMap(node) || setting.kind === 'words') {
      demands.set(key, { exactly: readValue(setting, node, line, file) });
      continue;
    }
    const demand: Demand = {};
    for (const [word, bound, at] of pairsOf(node, file)) {
      if ((word !== 'min' && word !== 'max') || bound === null)
        throw file.wrong(at, `${key} has min and max, not "${word}"`);
      demand[word] = readValue(setting, bound, at, file);
    }
    demands.set(key, demand);
  }
  return demands;
}

function known(key: string, line: number, file: OpenFile): Setting {
  const setting = settingOf(key);
  if (setting) return setting;
  const near = nearest(
    key,
    settings.map((candidate) => candidate.key),
  );
  throw file.wrong(line, `there is no setting "${key}"${near ? `; did you mean ${near}?` : ''}`);
}

function readValue(setting: Setting, node: Node, line: number, file: OpenFile): FileValue {
  const text = textOf(node);
  if (text === undefined) throw file.wrong(line, `${setting.key} has no value that it can take`);
  try {
    checkValue(setting, text, setting.key);
  } catch (error) {
    throw file.wrong(line, messageOf(error).replace(/\.$/, ''));
  }
  return { text, line };
}

/** A value as text: a scalar as it was written; options as lines of key=value, given as a map or a list. */
function textOf(node: Node): string | undefined {
  if (isScalar(node)) return typeof node.source === 'string' ? node.source : String(node.value);
  if (isMap(node)) {
    const words = (node.items as Pair<Node, Node | null>[]).map(
      ({ key, value }) => `${textOf(key)}=${value ? textOf(value) : ''}`,
    );
    return words.join('\n');
  }
  return isSeq(node) ? (node.items as Node[]).map(textOf).join('\n') : undefined;
}
