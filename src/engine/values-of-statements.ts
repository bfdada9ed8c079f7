import type { ForInStatement, ForOfStatement, Node, Statement, VariableDeclaration } from 'acorn';
import type { Edit } from './declarations.js';

/*
 * Code that awaits runs as a function, and a function has no value of its last statement. So each statement
 * puts its value into a variable, as the language says: expressions do; `if`, loops, `switch`, `try` and
 * `with` are undefined unless something in them has a value; blocks, declarations and empty statements leave
 * it as it is. Each `var` becomes an assignment to a global on the way.
 */

/** What may stand in another statement's place, and begins without a value. */
const compound = /^(If|For|ForIn|ForOf|While|DoWhile|Switch|Try|With)Statement$/;

/**
 * The edits that make a statement keep its value in that variable. `inList` is true where others may stand
 * before and behind it.
 */
export function keepValues(code: string, node: Statement, value: string, inList: boolean): Edit[] {
  const insert = (at: number, text: string): Edit => ({ start: at, end: at, text });
  const inner = (child: Statement | null | undefined, list = false): Edit[] =>
    child ? keepValues(code, child, value, list) : [];
  const all = (children: readonly Statement[]): Edit[] => children.flatMap((child) => inner(child, true));
  /** The body of a loop begins without a value each time. */
  const repeated = (body: Statement): Edit[] =>
    compound.test(body.type)
      ? [insert(body.start, `{${value} = void 0;`), ...inner(body), insert(body.end, '}')]
      : inner(body);
  const reset = inList && compound.test(bare(node).type) ? [insert(node.start, `${value} = void 0;`)] : [];
  switch (node.type) {
    case 'ExpressionStatement': {
      const ends = code[node.end - 1] === ';';
      return [insert(node.start, `${value} = (`), insert(ends ? node.end - 1 : node.end, ends ? ')' : ');')];
    }
    case 'VariableDeclaration':
      return node.kind === 'var'
        ? [{ start: node.start, end: node.end, text: `void (${assigned(code, node)});` }]
        : [];
    case 'BlockStatement':
      return all(node.body);
    case 'LabeledStatement':
      return [...reset, ...inner(node.body)];
    case 'IfStatement':
      return [...reset, ...inner(node.consequent), ...inner(node.alternate)];
    case 'WithStatement':
      return [...reset, ...inner(node.body)];
    case 'WhileStatement':
    case 'DoWhileStatement':
      return [...reset, ...repeated(node.body)];
    case 'ForStatement':
      return [...reset, ...(isVar(node.init) ? [head(code, node.init)] : []), ...repeated(node.body)];
    case 'ForInStatement':
    case 'ForOfStatement':
      return [...reset, ...target(code, node), ...repeated(node.body)];
    case 'SwitchStatement':
      return [...reset, ...node.cases.flatMap(({ consequent }) => all(consequent))];
    case 'TryStatement': {
      const { block, handler, finalizer } = node;
      // What `finally` says does not count when it ends by itself.
      const kept = `${value}_kept`;
      const saved = finalizer
        ? [
            insert(finalizer.start + 1, `const ${kept} = ${value};`),
            insert(finalizer.end - 1, `;${value} = ${kept};`),
          ]
        : [];
      return [
        ...reset,
        ...all(block.body),
        ...inner(handler?.body),
        ...saved.slice(0, 1),
        ...inner(finalizer),
        ...saved.slice(1),
      ];
    }
    default:
      return [];
  }
}

/** A statement without its labels. */
const bare = (node: Statement): Statement => (node.type === 'LabeledStatement' ? bare(node.body) : node);

const isVar = (node: Node | null | undefined): node is VariableDeclaration =>
  node?.type === 'VariableDeclaration' && (node as VariableDeclaration).kind === 'var';

function assigned(code: string, { declarations }: VariableDeclaration): string {
  const parts = declarations.flatMap(({ id, init }) =>
    init ? `${code.slice(id.start, id.end)} = ${code.slice(init.start, init.end)}` : [],
  );
  return parts.length > 0 ? parts.join(', ') : '0';
}

const head = (code: string, node: VariableDeclaration): Edit => ({
  start: node.start,
  end: node.end,
  text: `void (${assigned(code, node)})`,
});

/** `for (var x of …)` assigns to the global. */
function target(code: string, { left }: ForInStatement | ForOfStatement): Edit[] {
  if (!isVar(left)) return [];
  const [declaration] = left.declarations;
  if (!declaration) return [];
  const text = code.slice(declaration.id.start, declaration.id.end);
  return [
    { start: left.start, end: left.end, text: text === 'async' || text === 'let' ? `(${text})` : text },
  ];
}
