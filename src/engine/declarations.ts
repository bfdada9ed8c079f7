import type {
  ImportDeclaration,
  ModuleDeclaration,
  Node,
  Pattern,
  Program,
  Statement,
  VariableDeclaration,
} from 'acorn';

/** A piece of code that is replaced. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** A statement of the top level without the `export` before it, and where all of it stands. */
export interface TopLevel {
  node: Statement | ModuleDeclaration;
  start: number;
  end: number;
}

/** The statements of the top level; what is exported is only declared. */
export function topLevel(program: Program): TopLevel[] {
  return program.body.map((node) => {
    const { start, end } = node;
    if (node.type === 'ExportNamedDeclaration' && node.declaration)
      return { node: node.declaration, start, end };
    return { node, start, end };
  });
}

/**
 * Code whose `export default` has become what it is here: a declaration, or an expression. Everything stays
 * where it stands.
 */
export function withoutDefault(code: string, program: Program): string {
  const one = program.body.find((node) => node.type === 'ExportDefaultDeclaration');
  const [words] = (one && /^export\s+default\b/.exec(code.slice(one.start))) ?? [];
  if (!one || words === undefined) return code;
  const isNamed =
    'id' in one.declaration && one.declaration.id !== null && /Declaration$/.test(one.declaration.type);
  const instead = isNamed
    ? words.replace(/\S/g, ' ')
    : words.replace('export', 'void 0').replace('default', ',      ');
  return code.slice(0, one.start) + instead + code.slice(one.start + words.length);
}

/**
 * How a declaration becomes an assignment to global properties, in a statement that begins with those words;
 * none for other statements.
 */
export function declared(code: string, { node, start, end }: TopLevel, words: string): Edit[] {
  const assigned = (parts: string[]): Edit[] => [
    { start, end, text: `${words} (${[...parts, '0'].join(', ')});` },
  ];
  switch (node.type) {
    case 'VariableDeclaration':
      if (node.kind === 'var') return words === 'void' ? [] : strip(node, start);
      return node.kind === 'let' || node.kind === 'const' ? assigned(assignments(code, node)) : [];
    case 'ClassDeclaration':
      return assigned([`${node.id.name} = ${code.slice(node.start, node.end)}`]);
    case 'FunctionDeclaration':
      return strip(node, start);
    case 'ImportDeclaration':
      return assigned(imported(code, node));
    case 'ExportAllDeclaration':
      return assigned([`await import(${source(code, node)})`]);
    case 'ExportNamedDeclaration':
      return node.source ? assigned([`await import(${source(code, node)})`]) : [{ start, end, text: ';' }];
    default:
      return [];
  }
}

/** Without what stands before it: an `export`. */
const strip = (node: Node, start: number): Edit[] =>
  node.start > start ? [{ start, end: node.start, text: '' }] : [];

function assignments(code: string, { declarations }: VariableDeclaration): string[] {
  return declarations.map(({ id, init }) => {
    return `${code.slice(id.start, id.end)} = ${init ? code.slice(init.start, init.end) : 'void 0'}`;
  });
}

/** What stands in the brackets of `import()`: the module's name and attributes. */
function source(code: string, node: { source?: Node | null; attributes?: readonly Node[] }): string {
  const text = node.source ? code.slice(node.source.start, node.source.end) : '';
  const attributes = (node.attributes ?? []).map(({ start, end }) => code.slice(start, end));
  return attributes.length > 0 ? `${text}, { with: { ${attributes.join(', ')} } }` : text;
}

function imported(code: string, node: ImportDeclaration): string[] {
  const module = `await import(${source(code, node)})`;
  const named: string[] = [];
  const parts: string[] = [];
  for (const specifier of node.specifiers) {
    const { name } = specifier.local;
    if (specifier.type === 'ImportNamespaceSpecifier') parts.push(`${name} = ${module}`);
    else if (specifier.type === 'ImportDefaultSpecifier') named.push(`default: ${name}`);
    else named.push(`${code.slice(specifier.imported.start, specifier.imported.end)}: ${name}`);
  }
  if (named.length > 0) parts.push(`{ ${named.join(', ')} } = ${module}`);
  return parts.length > 0 ? parts : [module];
}

/**
 * The names that a statement declares for all of the code: functions, and each `var` in it that belongs to no
 * function.
 */
export function hoistedNames(node: Node, names: string[], isTop = true): void {
  if (node.type === 'FunctionDeclaration') {
    if (isTop && 'id' in node) collectNames(node.id as Pattern, names);
    return;
  }
  if (/Function|Class|Expression$/.test(node.type)) return;
  if (node.type === 'VariableDeclaration' && (node as VariableDeclaration).kind === 'var') {
    for (const { id } of (node as VariableDeclaration).declarations) collectNames(id, names);
  }
  for (const child of childrenOf(node)) hoistedNames(child, names, false);
}

/** The nodes right below a node. */
export const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The names in a pattern. */
export function collectNames(pattern: Pattern, names: string[]): void {
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
