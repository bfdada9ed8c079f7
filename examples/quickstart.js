// Four engines read and compress the source files that `npm ci` has put on this machine, and say what they
// found.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Cluster } from 'ipcluster';

// A place of its own, so that nothing is left in your profile.
const home = mkdtempSync(join(tmpdir(), 'ipcluster-quickstart-'));
process.env.IPYTHONDIR = home;
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

const files = readdirSync('node_modules', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(js|mjs|cjs|ts|json|md)$/.test(entry.name))
  .map((entry) => join(process.cwd(), entry.parentPath ?? entry.path, entry.name))
  .slice(0, 4000);

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => stop.abort());

const begin = performance.now();
const cluster = await Cluster.start({ n: 4, signal: stop.signal });
const { client } = cluster;
const started = ((performance.now() - begin) / 1000).toFixed(2);
process.stdout.write(
  `4 engines in ${started} s (pids ${(await client.direct('all').execute('process.pid')).join(' ')})\n`,
);

/** Runs on the engines: its source travels, so it brings all that it needs. */
async function measure(file) {
  const { readFile } = await import('node:fs/promises');
  const { gzipSync } = await import('node:zlib');
  const text = await readFile(file);
  const lines = text.toString('latin1').split('\n').length;
  return { bytes: text.length, lines, packed: gzipSync(text).length };
}

const work = client.balanced().map(measure, files, { chunk: 'auto' });
const results = [];
const byEngine = new Map();
const bar = (done) => {
  const full = Math.round((30 * done) / files.length);
  process.stdout.write(`\r[${'#'.repeat(full)}${'.'.repeat(30 - full)}] ${done}/${files.length} files `);
};
stop.signal.addEventListener('abort', () => void work.cancel());
try {
  for await (const { index, value, engineId } of work) {
    results.push({ file: files[index], ...value });
    byEngine.set(engineId, (byEngine.get(engineId) ?? 0) + 1);
    if (process.stdout.isTTY ? results.length % 20 === 0 : results.length % 1000 === 0) bar(results.length);
  }
  bar(results.length);
  process.stdout.write('\n\n');
  report();
} finally {
  await cluster.stop();
}

function report() {
  const kinds = groupBy(results);
  const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);
  const rows = [...kinds].map(([kind, list]) => [
    kind,
    list.length,
    sum(list, 'lines'),
    sum(list, 'bytes') / 1e6,
    sum(list, 'bytes') / sum(list, 'packed'),
  ]);
  process.stdout.write('kind    files     lines      MB   packs to\n');
  for (const [kind, count, lines, megabytes, ratio] of rows.sort((a, b) => b[3] - a[3])) {
    process.stdout.write(
      `${kind.padEnd(6)} ${String(count).padStart(6)} ${String(lines).padStart(9)} ` +
        `${megabytes.toFixed(1).padStart(7)}   1/${ratio.toFixed(1)}\n`,
    );
  }
  const densest = results
    .filter(({ bytes }) => bytes > 10_000)
    .sort((a, b) => b.bytes / b.packed - a.bytes / a.packed)[0];
  if (densest)
    process.stdout.write(
      `\nthe most repetitive: ${densest.file.replace(`${process.cwd()}/`, '')} ` +
        `(1/${(densest.bytes / densest.packed).toFixed(0)})\n`,
    );
  const { elapsed, serial } = work.timing;
  const shares = [...byEngine]
    .sort(([a], [b]) => a - b)
    .map(([id, count]) => `engine ${id}: ${count}`)
    .join(', ');
  process.stdout.write(
    `${shares}; ${(elapsed / 1000).toFixed(1)} s for ${(serial / 1000).toFixed(1)} s of work\n\n`,
  );
  process.stdout.write(
    "your own: npx ipcluster start -n 4 -d, then\n  import { Client } from 'ipcluster';\n  const client " +
      "= await Client.connect();\n  await client.direct('all').execute('engineId');\n",
  );
}

function kindOf({ file }) {
  return extname(file).slice(1);
}

/** Map.groupBy came after Node 20. */
function groupBy(list) {
  const groups = new Map();
  for (const item of list) groups.set(kindOf(item), [...(groups.get(kindOf(item)) ?? []), item]);
  return groups;
}
