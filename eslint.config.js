// Typed rules, the bugs of asynchronous code, and one of our own. Format and everything untyped is biome's.
import tseslint from 'typescript-eslint';
import boundedDelay from './scripts/bounded-delay.js';

export default [
  {
    files: ['src/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@typescript-eslint': tseslint.plugin, house: { rules: { 'bounded-delay': boundedDelay } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
    },
  },
  { files: ['src/**/*.ts'], ignores: ['src/base/timer.ts'], rules: { 'house/bounded-delay': 'error' } },
];
