// A thousand tasks of 200 ms on whatever cluster the environment names; prints a line for each hundred
// results, and in the end how often each came. Started by proof/outage.js as an ordinary user.
import { Client } from '../../dist/index.js';

const count = 1000;
const client = await Client.connect();
const seen = new Map();
const result = client.balanced().map(
  async (item) => {
    await new Promise((done) => setTimeout(done, 200));
    return item;
  },
  Array.from({ length: count }, (_unused, index) => index),
  { chunk: 1 },
);
for await (const { value } of result) {
  seen.set(value, (seen.get(value) ?? 0) + 1);
  if (seen.size % 100 === 0) process.stdout.write(`${seen.size}\n`);
}
const twice = [...seen.values()].filter((times) => times > 1).length;
process.stdout.write(`${JSON.stringify({ results: seen.size, lost: count - seen.size, twice })}\n`);
await client.close();
