import type { Node, Pattern, Program, Statement, VariableDeclaration } from 'acorn';
import { parse } from './parser.js';

/** Code made ready to run in the engine's global scope. */
export interface Rewritten {
  code: string;
  /** True when it has to be awaited. */
  isAsync: boolean;
  /** Names that it declares at the top level; they become properties of the global object. */
  names: string[];
  /** How many characters were put before the first one. */
  offset: number;
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * Makes code behave as in a notebook: top-level `await` and `import` work, `const`, `let` and `class` can be declared again,
 * and the last expression is the value. Code that does not parse is left alone: the engine reports it better.
 */
export function rewrite(code: string): Rewritten {
  const program = parseLoosely(code);
  if (!program) return { code, isAsync: false, names: [], offset: 0 };
  const isAsync = program.body.some((statement) => statement.type === 'ImportDeclaration' || hasAwait(statement));
  const names: string[] = [];
  const hoisted: string[] = [];
  const edits: Edit[] = [];
  for (const statement of program.body as Statement[]) {
    const edit = declare(code, statement, names);
    if (edit) edits.push(edit);
    if (isAsync && statement.type === 'FunctionDeclaration') {
      names.push(statement.id.name);
      hoisted.push(`globalThis.${statement.id.name} = ${statement.id.name};`);
    }
  }
  const last = program.body.at(-1);
  if (isAsync && last?.type === 'ExpressionStatement') {
    const { start, end } = last.expression;
    edits.push({ start: last.start, end: last.end, text: `return (${code.slice(start, end)}\n);` });
  }
  const body = applyEdits(code, edits);
  if (!isAsync) return { code: body, isAsync, names, offset: 0 };
  const prefix = `(async () => {${hoisted.join('')}`;
  return { code: `${prefix}${body}\n})()`, isAsync, names, offset: prefix.length };
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

/** How a top-level declaration becomes an assignment to global properties. */
function declare(code: string, statement: Statement | Program['body'][number], names: string[]): Edit | undefined {
  const { start, end } = statement;
  switch (statement.type) {
    case 'VariableDeclaration':
      return { start, end, text: assignments(code, statement, names) };
    case 'ClassDeclaration':
      names.push(statement.id.name);
      return { start, end, text: `void (${statement.id.name} = ${code.slice(start, end)});` };
    case 'ImportDeclaration': {
      const source = `await import(${statement.source.raw ?? ''})`;
      const named: string[] = [];
      const parts: string[] = [];
      for (const specifier of statement.specifiers) {
        names.push(specifier.local.name);
        if (specifier.type === 'ImportNamespaceSpecifier') parts.push(`${specifier.local.name} = ${source}`);
        else if (specifier.type === 'ImportDefaultSpecifier') named.push(`default: ${specifier.local.name}`);
        else named.push(`${code.slice(specifier.imported.start, specifier.imported.end)}: ${specifier.local.name}`);
      }
      if (named.length > 0) parts.push(`{ ${named.join(', ')} } = ${source}`);
      return { start, end, text: `void (${parts.join(', ') || source});` };
    }
    default:
      return undefined;
  }
}

function assignments(code: string, { declarations }: VariableDeclaration, names: string[]): string {
  const parts = declarations.map(({ id, init }) => {
    collectNames(id, names);
    const target = code.slice(id.start, id.end);
    return `${target} = ${init ? code.slice(init.start, init.end) : 'undefined'}`;
  });
  return `void (${parts.join(', ')});`;
}

function collectNames(pattern: Pattern, names: string[]): void {
  switch (pattern.type) {
    case 'Identifier':
      names.push(pattern.name);
      break;
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        collectNames(property.type === 'RestElement' ? property.argument : property.value, names);
      }
      break;
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element) collectNames(element, names);
      break;
    case 'RestElement':
      collectNames(pattern.argument, names);
      break;
    case 'AssignmentPattern':
      collectNames(pattern.left, names);
      break;
    case 'MemberExpression':
      break;
  }
}

/** True for an `await` that belongs to the top level, not to a function inside. */
function hasAwait(node: Node): boolean {
  if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && 'await' in node && node.await === true)) return true;
  if (/Function/.test(node.type)) return false;
  return Object.values(node).some((child: unknown) =>
    Array.isArray(child) ? child.some((item) => isNode(item) && hasAwait(item)) : isNode(child) && hasAwait(child),
  );
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function applyEdits(code: string, edits: readonly Edit[]): string {
  let result = code;
  for (const { start, end, text } of edits.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, start) + text + result.slice(end);
  }
  return result;
}
