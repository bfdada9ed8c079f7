// Makes docs/errors.md from the catalogue of errors; with --check it only says whether the page is as it
// would be made.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['src/base/error-catalogue.ts'],
  bundle: true,
  format: 'esm',
  write: false,
});
const source = Buffer.from(outputFiles[0].contents).toString('base64');
const { errorCatalogue } = await import(`data:text/javascript;base64,${source}`);

const rows = Object.entries(errorCatalogue).map(([code, { exitCode, what, suggestions }]) => {
  const advice =
    suggestions.length > 0
      ? suggestions.map((line) => `- ${line}`).join('\n')
      : '- The message says what there is to do.';
  return `## ${code}\n\n${what} Exit code ${exitCode}.\n\n${advice}\n`;
});
const page =
  `# Errors\n\nMade from \`src/base/error-catalogue.ts\` by \`npm run docs\`; do not edit it ` +
  `here.\n\nExit codes of \`ipcluster\`: 0 done, 1 failed, 2 wrong use, 3 timed out, 4 nothing there, 130 ` +
  `interrupted.\n\n${rows.join('\n')}`;
if (!process.argv.includes('--check')) writeFileSync('docs/errors.md', page);
else if (readFileSync('docs/errors.md', 'utf8') !== page) {
  process.stderr.write('docs/errors.md is not what the catalogue says: run npm run docs\n');
  process.exit(1);
}
