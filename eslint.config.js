// Typed rules, the bugs of asynchronous code, and one of our own. Format and everything untyped is biome's.
import tseslint from 'typescript-eslint';
import boundedDelay from './scripts/bounded-delay.js';

const recursive = "CallExpression[callee.name=/^(rm|rmdir)(Sync)?$/] Property[key.name='recursive']";
const endlessSleep =
  "CallExpression[callee.property.name='race'] > ArrayExpression > " +
  "CallExpression[callee.name='sleep'][arguments.length=1]";
const folderCalls = ['mkdir', 'mkdtemp', 'chmod', 'fchmod', 'lchmod', 'rmdir', 'cp'].flatMap((name) => [
  name,
  `${name}Sync`,
]);
const foldersOnlyInBase = (name) => ({
  name,
  importNames: ['default', 'rm', ...folderCalls],
  message: 'See base/own-folder (docs/house.md).',
});

export default [
  {
    files: ['src/**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin, house: { rules: { 'bounded-delay': boundedDelay } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      // Nothing of ours is removed with what is in it but by base/remove-tree, which needs no recursion of
      // Node's. A sleep that lost a race keeps the program alive until it is over.
      'no-restricted-syntax': [
        'error',
        { selector: recursive, message: 'Folders are removed by removeTree (docs/house.md).' },
        { selector: endlessSleep, message: 'A sleep that lost a race lives on: use within (base/wait).' },
      ],
    },
  },
  {
    // Folders are made, closed and removed through base/own-folder, temporary and remove-tree.
    files: ['src/**/*.ts'],
    ignores: ['src/base/**'],
    languageOptions: { parser: tseslint.parser },
    rules: {
      'no-restricted-imports': [
        'error',
        ...['fs', 'node:fs', 'fs/promises', 'node:fs/promises'].map(foldersOnlyInBase),
      ],
    },
  },
  { files: ['src/**/*.ts'], ignores: ['src/base/timer.ts'], rules: { 'house/bounded-delay': 'error' } },
];
