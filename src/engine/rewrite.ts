import type { ExpressionStatement, Node, Program, Statement } from 'acorn';
import {
  childrenOf,
  collectNames,
  declared,
  type Edit,
  hoistedNames,
  topLevel,
  withoutDefault,
} from './declarations.js';
import { parse } from './parser.js';
import { keepValues } from './values-of-statements.js';

/** Code made ready to run in the engine's global scope. */
export interface Rewritten {
  code: string;
  /** True when it has to be awaited. */
  isAsync: boolean;
  /**
   * Names that must be properties of the global object before it runs, and may go again: those that are known
   * from the beginning.
   */
  names: string[];
  /** Names that become properties where they are declared. */
  lexical: string[];
  /** How many characters were put before the first one. */
  offset: number;
}

/**
 * Makes code behave as in a notebook: top-level `await`, `import` and `export` work, `const`, `let` and
 * `class` can be declared again, and the value is that of the last statement that has one, as everywhere in
 * JavaScript. Code that does not parse is left alone: the engine reports it better.
 */
export function rewrite(given: string): Rewritten {
  const first = parseLoosely(given);
  const code = first ? withoutDefault(given, first) : given;
  const program = code === given ? first : parseLoosely(code);
  if (!program) return { code, isAsync: false, names: [], lexical: [], offset: 0 };
  const body = topLevel(program);
  const isAsync = body.some(
    ({ node }) => node.type === 'ImportDeclaration' || 'source' in node || hasAwait(node),
  );
  const isStrict = program.body.some(
    (statement) => 'directive' in statement && statement.directive === 'use strict',
  );
  const lexical: string[] = [];
  const names: string[] = [];
  for (const { node } of body) {
    hoistedNames(node, names);
    if (node.type === 'VariableDeclaration' && node.kind !== 'var')
      for (const { id } of node.declarations) collectNames(id, lexical);
    if (node.type === 'ClassDeclaration') lexical.push(node.id.name);
    if (node.type === 'ImportDeclaration') for (const { local } of node.specifiers) lexical.push(local.name);
  }
  // Strict code cannot make a global by assigning to it.
  if (isStrict) names.push(...lexical);
  const made = { names: [...new Set(names)], lexical, isAsync };
  if (isAsync) return { ...made, ...wrapped(code, program, body) };
  return {
    ...made,
    code: applyEdits(
      code,
      body.flatMap((each) => declared(code, each, 'var {} =')),
    ),
    offset: 0,
  };
}

/** The code as an async function that is called, whose result is the value of the code. */
function wrapped(
  code: string,
  program: Program,
  body: ReturnType<typeof topLevel>,
): { code: string; offset: number } {
  let value = 'value';
  while (code.includes(value)) value += '_';
  const directives = program.body.filter(
    (statement): statement is ExpressionStatement => 'directive' in statement,
  );
  const edits: Edit[] = code.startsWith('#!') ? [{ start: 0, end: 2, text: '//' }] : [];
  const imports: string[] = [];
  const functions: string[] = [];
  for (const each of body) {
    const { node, start, end } = each;
    if (directives.includes(node as ExpressionStatement)) continue;
    if (node.type === 'FunctionDeclaration') {
      functions.push(`this.${node.id.name} = ${node.id.name};`);
      edits.push({ start, end: node.start, text: '' });
    } else if (node.type === 'ImportDeclaration') {
      imports.push(...declared(code, each, 'void').map(({ text }) => text));
      edits.push({ start, end, text: code.slice(start, end).replace(/[^\n]+/g, '') });
    } else {
      const declaration = declared(code, each, 'void');
      edits.push(
        ...(declaration.length > 0 ? declaration : keepValues(code, node as Statement, value, true)),
      );
    }
  }
  const start = `${functions.join('')}${imports.join('')}`;
  const last = directives.at(-1);
  const prefix = `(async (${value}) => {`;
  if (last)
    edits.push({
      start: last.end,
      end: last.end,
      text: `;${value} = ${code.slice(last.expression.start, last.expression.end)};${start}`,
    });
  const text = `${prefix}${last ? '' : start}${applyEdits(code, edits)}\n;return ${value};})()`;
  return { code: text, offset: prefix.length + (last ? 0 : start.length) };
}

function parseLoosely(code: string): Program | undefined {
  try {
    return parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      allowAwaitOutsideFunction: true,
      allowImportExportEverywhere: true,
      allowHashBang: true,
    });
  } catch {
    return undefined;
  }
}

/** True for an `await` that belongs to the top level, not to a function inside. */
function hasAwait(node: Node): boolean {
  if (
    node.type === 'AwaitExpression' ||
    (node.type === 'ForOfStatement' && 'await' in node && node.await === true)
  )
    return true;
  if (/Function/.test(node.type)) return false;
  return childrenOf(node).some(hasAwait);
}

/** Edits that stand at one place follow one another as they were made. */
function applyEdits(code: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    result += code.slice(at, start) + text;
    at = Math.max(at, end);
  }
  return result + code.slice(at);
}
