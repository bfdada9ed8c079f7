import { join } from 'node:path';
import { lastLines, readJsonIfWhole } from '../base/files.js';
import { namesIn } from '../base/own-folder.js';
import { readExitRecords } from '../launcher-kit/exit-record.js';
import { readVerdicts } from '../launcher-kit/job-files.js';
import { type NodeEnd, readNodeEnds } from '../launcher-kit/node-ends.js';
import { explainLog, type Finding } from './causes.js';

/** What a job's exit records, logs and breadcrumbs say. `missing`: engines are wanted that are not there. */
export async function explainFolder(folder: string, missing: boolean, live: boolean): Promise<Finding[]> {
  const about = folder.endsWith('-controller') ? 'controller' : 'engines';
  const told =
    missing || !live ? (await readVerdicts(folder)).map((verdict): Finding => ({ about, ...verdict })) : [];
  const records = await readExitRecords(folder);
  const bad = records.find(({ exitCode }) => exitCode !== 0);
  const ends = about === 'engines' ? await readNodeEnds(folder) : [];
  if (live && !bad && !missing) return [];
  const names = await namesIn(folder);
  const logs = names
    .filter((name) => /^(node-.*\.log|controller\.log|stderr|scheduler|.*\.OU)$/.test(name))
    .sort();
  const found: Finding[] = missing || !live ? await explainNodes(folder, ends) : [];
  for (const name of logs) {
    // What is known of single nodes is no other node's end.
    if (ends.some(({ index }) => name === `node-${index}.log`)) continue;
    const path = join(folder, name);
    const whole =
      ends.length === 0 && (name.startsWith('node-') || logs.length === 1 || about === 'controller');
    const cause = explainLog(withoutPast(await lastLines(path, 40)), whole ? bad?.exitCode : undefined);
    // What waited for a step has it where a node has a log.
    const isPast = cause?.code === 'step-waits' && logs.some((log) => log.startsWith('node-'));
    if (cause && !isPast) found.push({ about, ...cause, lines: [...(cause.lines ?? []), `(${path})`] });
  }
  const crumbs = missing ? await explainBreadcrumbs(folder, names, about) : [];
  const all = [...found, ...crumbs];
  // One sentence for all nodes that say the same.
  return [
    ...told,
    ...all.filter(({ code }, index) => all.findIndex((other) => other.code === code) === index),
  ];
}

/** What nodes that ended say of it, each by its own words; those that say the same are named together. */
async function explainNodes(folder: string, ends: readonly NodeEnd[]): Promise<Finding[]> {
  const found = new Map<string, Finding & { nodes: string[] }>();
  for (const { index, node, exitCode, words, path } of ends) {
    const log = join(folder, `node-${index}.log`);
    const lines = index === undefined ? [] : withoutPast(await lastLines(log, 40));
    const cause = explainLog(lines.length > 0 ? lines : [words], exitCode);
    if (!cause) continue;
    const name = node ?? `node ${index}`;
    const known = found.get(cause.sentence);
    if (known) known.nodes.push(name);
    else {
      const shown = [...(cause.lines ?? []), ...(words && !cause.lines?.includes(words) ? [words] : [])];
      found.set(cause.sentence, {
        about: 'engines',
        ...cause,
        nodes: [name],
        lines: [...shown, `(${lines.length > 0 ? log : path})`],
      });
    }
  }
  return [...found.values()].map(({ nodes, ...finding }) => {
    const quoted = finding.lines?.[0]?.startsWith('(') ? '' : ` It said: ${finding.lines?.[0]}`;
    const names = [...new Set(nodes)];
    return {
      ...finding,
      nodes: names,
      node: names[0] ?? '',
      sentence: `On ${names.join(', ')}: ${finding.sentence}${quoted}`,
    };
  });
}

/** What a supervisor said before it joined is no news once it has. */
function withoutPast(lines: readonly string[]): string[] {
  const joined = lines.findLastIndex((line) => / joined as /.test(line));
  return lines.slice(joined + 1);
}

/**
 * What supervisors left behind before they dialled: where they looked, and what answered (decision:
 * breadcrumbs).
 */
async function explainBreadcrumbs(
  folder: string,
  names: readonly string[],
  about: Finding['about'],
): Promise<Finding[]> {
  const crumbs = names.filter((name) => name.startsWith('breadcrumb-'));
  const found: Finding[] = [];
  for (const name of crumbs) {
    const crumb = (await readJsonIfWhole(join(folder, name))) as
      | { host?: string; state?: string }
      | undefined;
    if (!crumb?.state || crumb.state === 'connected') continue;
    const cause = explainLog([crumb.state], undefined);
    if (cause)
      found.push({ about, ...cause, lines: [`${crumb.host}: ${crumb.state}`, `(${join(folder, name)})`] });
  }
  return found;
}
