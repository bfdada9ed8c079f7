import { quoteCommand } from '../base/shell.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import type { Finding } from './causes.js';
import { launcherOf } from './jobs.js';

/** Advice to start again, in whatever words. */
const startAgain = /^Start again\b/;

/** Options that name nodes: with them, those that are left out would be asked for all the same. */
const namesNodes = /^(-w|--nodelist(=|$))/;

/**
 * The findings; where nodes failed and their launcher has words for it, the advice is a line that starts
 * without them.
 */
export async function withoutNodes(
  findings: readonly Finding[],
  file: ClusterFile | undefined,
): Promise<Finding[]> {
  if (!file || !findings.some(({ nodes }) => nodes)) return [...findings];
  const options = file.jobs.find(({ role }) => role === 'engines')?.options ?? [];
  const launcher = await launcherOf(file.launcher, options);
  return findings.map((finding): Finding => {
    const { nodes = [], suggestions = [] } = finding;
    const words = suggestions.some((text) => startAgain.test(text)) ? (launcher.without?.(nodes) ?? []) : [];
    if (nodes.length === 0 || words.length === 0) return finding;
    const others = suggestions.filter((text) => !startAgain.test(text));
    const whom = nodes.length > 1 ? 'them' : 'it';
    return {
      ...finding,
      suggestions: [`Start again without ${whom}: \`${lineOf(file, words)}\`.`, ...others],
    };
  });
}

/**
 * What starts as many engines again, with those words after the ones that were said to the scheduler before.
 */
function lineOf({ launcher, engines, extra = [] }: ClusterFile, words: readonly string[]): string {
  const isOfOption = (index: number): boolean => ['-w', '--nodelist'].includes(extra[index - 1] ?? '');
  const kept = extra.filter((word, index) => !namesNodes.test(word) && !isOfOption(index));
  return quoteCommand([
    'ipcluster',
    'start',
    '--launcher',
    launcher,
    '-n',
    String(engines),
    '--',
    ...kept,
    ...words,
  ]);
}
