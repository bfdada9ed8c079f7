import { signalName, signalOfCode } from '../base/signal-names.js';
import { lastSentence } from '../launcher-kit/job-files.js';
import type { Phrase } from '../launcher-kit/words.js';
import { contactCauses } from './causes-contact.js';
import { machineCauses } from './causes-machine.js';
import { nodeCauses, waitingSteps } from './causes-nodes.js';

/** Something that explains how a cluster is, and what to do about it. */
export interface Finding {
  /** A word that stays the same when the sentence changes: see docs/why.md. */
  code: string;
  about: 'controller' | 'engines' | 'tasks' | 'machine';
  sentence: string;
  /** Lines that show it. */
  lines?: string[];
  suggestions?: string[];
  /** The node that it is about, where it is about one of several. */
  node?: string;
  /** All nodes that it is about, by the names that their scheduler has for them. */
  nodes?: readonly string[];
}

/** Causes that a log names, the most telling first. */
const causes: readonly Phrase[] = [...nodeCauses, ...contactCauses, ...machineCauses, ...waitingSteps];

/**
 * What a tool said before we did: the lines that name a fault, else the last ones. Some put advice after the
 * fault.
 */
function wordsOfTool(lines: readonly string[]): string[] {
  const said = lines.filter((line) => line.trim() !== '');
  const faults = said.filter((line) => /error|unknown|unable|not found|cannot/i.test(line));
  return (faults.length > 0 ? faults : said).slice(-3);
}

/**
 * What the last lines of a program's log and its exit code say of its end; undefined when they say nothing.
 */
export function explainLog(
  lines: readonly string[],
  exitCode: number | undefined,
): Omit<Finding, 'about'> | undefined {
  for (const { words, code, sentence, suggestions = [], quoted } of causes) {
    const at = lines.findLastIndex((candidate) => words.test(candidate));
    if (at < 0) continue;
    const before = code === 'no-modules' ? wordsOfTool(lines.slice(Math.max(0, at - 20), at)) : [];
    const said = quoted ? ` It says: ${lines[at]}` : '';
    return {
      code,
      sentence: `${sentence}${said}`,
      lines: [...before, ...lines.slice(at, at + 1)],
      suggestions,
    };
  }
  if (exitCode === 127 || exitCode === 126) return notRun(lines);
  const signal = exitCode === undefined ? undefined : signalOfCode(exitCode);
  if (signal !== undefined)
    return {
      code: 'signal',
      sentence: `It was ended by ${signalName(signal)}.`,
      lines: lines.slice(-1),
      suggestions: [],
    };
  if (!exitCode) return undefined;
  const last = lastSentence(lines);
  return {
    code: 'exited',
    sentence: `It ended with exit code ${exitCode}.`,
    lines: last === undefined ? [] : [last],
    suggestions: [],
  };
}

/** A program that could not be run: Node, or whatever else a shell names. */
function notRun(lines: readonly string[]): Omit<Finding, 'about'> {
  const named = lines.findLast((line) =>
    /: (?:command )?not found$|: No such file or directory$|: Permission denied$/.test(line),
  );
  if (named === undefined || /node'?:/.test(named))
    return {
      code: 'node-missing',
      sentence: 'Its program could not be run: Node is not where it was, or may not be executed.',
      lines: lines.slice(-1),
      suggestions: [],
    };
  return {
    code: 'program-missing',
    sentence: 'A program that it needs could not be run.',
    lines: [named],
    suggestions: [],
  };
}
