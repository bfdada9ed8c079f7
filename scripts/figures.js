// Figures of the source that can be compared with other projects'. With --check it fails where one is worse
// than its bound.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const git = (...words) => spawnSync('git', words, { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
const filesIn = (folder) =>
  git('ls-files', folder).filter((path) => /\.(ts|js|mjs)$/.test(path) && !path.includes('/golden/'));
const parse = (path) => {
  const text = readFileSync(path, 'utf8');
  return {
    path,
    lines: text.split('\n'),
    tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
  };
};
const sources = filesIn('src').map(parse);
const tests = [...filesIn('test'), ...filesIn('proof')].map(
  (path) => readFileSync(path, 'utf8').split('\n').length,
);
const lines = sources.reduce((sum, source) => sum + source.lines.length, 0);

/** Every node of all sources that a test holds for. */
function nodes(holds) {
  const found = [];
  for (const { path, tree } of sources) {
    const visit = (node) => {
      if (holds(node, tree)) found.push({ path, node, tree });
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return found;
}

const placeOf = ({ path, node, tree }) =>
  `${path}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}`;
const heightOf = ({ node, tree }) => {
  const [first, last] = [node.getStart(tree), node.getEnd()].map(
    (at) => tree.getLineAndCharacterOfPosition(at).line,
  );
  return last - first + 1;
};
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
const ascending = (a, b) => a - b;

const isConstant = (node) => ts.isTypeReferenceNode(node.type) && node.type.typeName.getText() === 'const';
const spreads = nodes((node) => ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression));
const casts = nodes((node) => ts.isAsExpression(node) && !isConstant(node));
const isDouble = ({ node: { expression } }) => ts.isAsExpression(expression) && !isConstant(expression);
const isFunction = (node) => ts.isFunctionLike(node) && 'body' in node && node.body && ts.isBlock(node.body);
const heights = nodes(isFunction).map(heightOf).sort(ascending);
const fileHeights = sources.map((source) => source.lines.length - 1).sort(ascending);
const exported = nodes(
  (node) =>
    (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) &&
    node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
);
const documented = exported.filter(({ node }) => ts.getJSDocCommentsAndTags(node).length > 0);
const longLines = sources.flatMap(({ path, lines: all }) =>
  all.flatMap((line, index) => (line.length > 110 ? [`${path}:${index + 1}`] : [])),
);
const subjects = git('log', '-100', '--no-merges', '--format=%s');
const subjectLengths = subjects.map(({ length }) => length).sort(ascending);

/** What it is called, its value, the most that it may be, and where it is more.
 * @type {[string, string | number, number?, string[]?][]} */
const rows = [
  ['lines of source', lines],
  ['lines over 110 letters (%)', ((100 * longLines.length) / lines).toFixed(2), 0.5, longLines],
  ['spreads of literals', spreads.length, 0, spreads.map(placeOf)],
  ['casts per 1,000 lines', ((1000 * casts.length) / lines).toFixed(2), 7.7],
  ['double casts', casts.filter(isDouble).length, 40],
  [
    'lines of tests and proofs per line of source',
    (tests.reduce((sum, count) => sum + count, 0) / lines).toFixed(2),
  ],
  [
    'lines of a function: median, nine of ten, most',
    `${at(heights, 0.5)}, ${at(heights, 0.9)}, ${heights.at(-1)}`,
  ],
  [
    'lines of a file: median, nine of ten, most',
    `${at(fileHeights, 0.5)}, ${at(fileHeights, 0.9)}, ${fileHeights.at(-1)}`,
  ],
  ['exports documented (%)', ((100 * documented.length) / exported.length).toFixed(0)],
  [
    'letters of a commit subject: median, nine of ten',
    `${at(subjectLengths, 0.5)}, ${at(subjectLengths, 0.9)}`,
  ],
  [
    'commit subjects with a semicolon, of the last 100',
    subjects.filter((subject) => subject.includes(';')).length,
  ],
];

const check = process.argv.includes('--check');
let failed = false;
for (const [name, value, most, places = []] of rows) {
  const worse = most !== undefined && Number(value) > most;
  failed ||= check && worse;
  if (!check || worse) console.log(`${name}: ${value}${worse ? ` (at most ${most})` : ''}`);
  if (check && worse) for (const place of places.slice(0, 20)) console.log(`  ${place}`);
}
process.exit(failed ? 1 : 0);
