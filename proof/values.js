// What was sent is what arrives: values of every kind by every route, their senders scribbling over them at
// once. node proof/values.js [--cases 100000] [--seed 1] [--json]
import { readFileSync, writeFileSync } from 'node:fs';
import { inspect, isDeepStrictEqual, parseArgs } from 'node:util';
import fc from 'fast-check';
import { Bed } from './bed.js';
import { partsOf, sequence, value } from './values/arbitrary.js';
import { routes } from './values/routes.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean' },
  },
});
const [wanted, seed] = [Number(values.cases), Number(values.seed)];
/** So many are on their way at once, so that what one case writes could meet another. */
const together = 16;

const bed = await Bed.start('values', { n: 2 });
const byTls = bed.path('security', 'by-tls.json');
writeFileSync(
  byTls,
  JSON.stringify({
    ...JSON.parse(readFileSync(bed.path('security', 'ipcontroller-client.json'), 'utf8')),
    socket: '',
  }),
  { mode: 0o600 },
);
const { Client } = await import('../dist/index.js');
const ways = {
  'Unix socket, memory files from 1 MiB': bed.client,
  TLS: await Client.connect({ file: byTls }),
};
const kinds = { one: value, several: fc.array(value, { maxLength: 12 }), sequence };

/** All views and buffers in a value, wherever they stand in it. */
function* memoriesIn(value, seen = new Set()) {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return void (yield value);
  for (const part of partsOf(value)) yield* memoriesIn(part, seen);
}

/** Every view has a buffer of its own, from its first byte to its last, in what arrived. */
const isShaped = (arrived) =>
  [...memoriesIn(arrived)].every(
    (memory) =>
      !ArrayBuffer.isView(memory) ||
      (memory.byteOffset === 0 && memory.byteLength === memory.buffer.byteLength),
  );

const bytesOf = (sent) => [...memoriesIn(sent)].reduce((sum, { byteLength }) => sum + byteLength, 0);

const row = (route, way) => ({ route, way, cases: 0, bytes: 0, largest: 0, different: 0 });
const rows = Object.keys(routes).flatMap((route) => Object.keys(ways).map((way) => row(route, way)));
const found = [];

async function play(of, given, into) {
  const expected = structuredClone(given);
  const size = bytesOf(given);
  let arrived;
  try {
    arrived = await routes[into.route].run(ways[into.way], given);
  } catch (error) {
    arrived = error;
  }
  into.cases += 1;
  into.bytes += size;
  into.largest = Math.max(into.largest, size);
  if (isDeepStrictEqual(arrived, expected) && isShaped(arrived)) return;
  into.different += 1;
  if (found.length < 5)
    found.push(
      `${into.route}, ${into.way}, ${of}: ${inspect(expected, { depth: 6 }).slice(0, 500)} came as ` +
        `${inspect(arrived, { depth: 6 }).slice(0, 500)}`,
    );
}

const begin = performance.now();
for (let done = 0, round = 0; done < wanted; round++) {
  const samples = Object.fromEntries(
    Object.entries(kinds).map(([of, arbitrary]) => [
      of,
      fc.sample(arbitrary, { numRuns: together * 10, seed: seed * 100_003 + round }),
    ]),
  );
  for (let first = 0; first < together * 10 && done < wanted; first += together) {
    const batch = Array.from({ length: Math.min(together, wanted - done) }, (_unused, index) => {
      const into = rows[(done + index) % rows.length];
      const { of } = routes[into.route];
      return play(of, samples[of][first + index], into);
    });
    await Promise.all(batch);
    done += batch.length;
  }
}

await ways.TLS.close();
const left = await bed.end();
const different = rows.reduce((sum, one) => sum + one.different, 0);
for (const one of found) process.stderr.write(`${one}\n`);
const head =
  `${wanted} cases, seed ${seed}: ${different} different, ${left} processes were left, ` +
  `${Math.round((performance.now() - begin) / 1000)} s.`;
if (values.json) process.stdout.write(`${JSON.stringify({ rows, different, left })}\n`);
else
  process.stdout.write(
    `${[
      head,
      '',
      '| route | way | cases | bytes | largest | different |',
      '|---|---|---|---|---|---|',
      ...rows.map(
        (one) =>
          `| ${one.route} | ${one.way} | ${one.cases} | ${(one.bytes / 1e6).toFixed(0)} MB | ` +
          `${(one.largest / 1e6).toFixed(2)} MB | ${one.different} |`,
      ),
    ].join('\n')}\n`,
  );
process.exit(different > 0 || left > 0 ? 1 : 0);
