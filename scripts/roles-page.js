// Makes docs/protocol-roles.md from the guards of the protocol; with --check it only says whether the page is
// as it would be made.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const contents = ['client-requests', 'supervisor-messages', 'engine-messages']
  .map((name) => `export * from './src/protocol/${name}.ts';`)
  .join('\n');
/** @type {import('esbuild').StdinOptions} */
const stdin = { contents, resolveDir: '.', loader: 'ts' };
const { outputFiles } = await build({ stdin, bundle: true, platform: 'node', format: 'esm', write: false });
const tables = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

function rows(table, note = (_type) => '') {
  return Object.entries(table).flatMap(([type, { fields = {} }]) => {
    const named = Object.entries(fields).filter(
      ([name, { words }]) => name !== 'status' || !words.startsWith('`'),
    );
    if (named.length === 0) return [`| \`${type}\`${note(type)} | – | |`];
    return named.map(([name, { words, optional }], index) => {
      const first = index === 0 ? `\`${type}\`${note(type)}` : '';
      return `| ${first} | \`${name}\`${optional ? '?' : ''} | ${words.replaceAll('|', '\\|')} |`;
    });
  });
}
const section = (title, text, table, note) =>
  `## ${title}\n\n${text}\n\n| message | field | what it must be ` +
  `|\n|---|---|---|\n${rows(table, note).join('\n')}\n`;

const page = `# What each role may say

Made from \`src/protocol/*-requests.ts\` and \`*-messages.ts\` by \`npm run docs\`; do not edit it here.

What is not in these tables has no effect: a message of another type is answered with PROTOCOL, a field that is wrong with USAGE, and a field that is not listed is dropped.
A role comes by its own token (\`docs/decisions/0016\`): a client's file, the engines' file, or the file of one batch job, which speaks for the supervisors of that job alone.
Beside these messages, a client sends requests to engines (\`execute apply push pull clear command\`_request, and IPython's comm) under its own session, and an engine sends
replies to what it was given, and output. A field with \`?\` may be absent.

${section(
  'Client to controller',
  'A client speaks under one session on a connection. One that only looks on (`observer`) may send what ' +
    'is marked with ○, and no request to engines.',
  tables.clientRequests,
  (type) => (tables.observerRequests.has(type) ? ' ○' : ''),
)}
${section(
  'Supervisor to controller',
  'For the engines of that supervisor alone. The gateway of the controller is one as well; nobody else ' +
    'can take its name.',
  tables.supervisorMessages,
)}
${section(
  'Supervisor to controller, as answers',
  'A question is failed by an answer that is not of this form. Each may be an ' + 'error instead.',
  tables.supervisorAnswers,
)}
${section(
  'Engine to supervisor',
  "On the supervisor's socket, also by an engine's watcher and a node's gateway. Code of users can speak " +
    'there too: a reply counts only for what that very engine was given.',
  tables.engineMessages,
)}`;

if (!process.argv.includes('--check')) writeFileSync('docs/protocol-roles.md', page);
else if (readFileSync('docs/protocol-roles.md', 'utf8') !== page) {
  process.stderr.write('docs/protocol-roles.md is not what the guards say: run npm run docs\n');
  process.exit(1);
}
