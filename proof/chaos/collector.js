// Looks for what accepted tasks gave, by their ids, as a program does that comes later: node collector.js
// {dist, file, list, bound}. Writes a line for each on standard output: `{ key, id, ok | error | wrong | lost
// }`.
import { readFileSync } from 'node:fs';
import { isStoredAnswerOf } from './workload.js';

const { dist, file, list, bound } = JSON.parse(process.argv[2]);
const { Client } = await import(`${dist}/index.js`);
const wanted = JSON.parse(readFileSync(list, 'utf8'));
const end = performance.now() + bound;
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
/** @type {Promise<Client> | undefined} */
let client;

/** The connection that all share; tried again until the time is over. */
async function connect() {
  for (;;) {
    try {
      return await Client.connect({ file });
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(500);
    }
  }
}

/** Asks until there is an answer, a final error, or no time left. */
async function look({ key, kind, id }) {
  let last = 'it was never asked for';
  while (performance.now() < end) {
    try {
      client ??= connect();
      const { record, answers } = await (await client).result(id);
      if (record.status === 'pending') last = 'still pending';
      else if (answers.length === 0)
        return { lost: `its record says ${record.status}, and there is no answer` };
      else if (answers[0].error) return { error: `${answers[0].error.code}: ${answers[0].error.message}` };
      else
        return isStoredAnswerOf(key, kind, answers[0].value)
          ? { ok: true }
          : { wrong: JSON.stringify(answers[0].value)?.slice(0, 300) ?? 'undefined' };
    } catch (error) {
      if (error.code === 'NOT_FOUND') return { lost: error.message };
      if (error.code === 'CLOSED') client = undefined;
      last = `${error.code ?? error.name}: ${error.message}`;
    }
    await sleep(300);
  }
  return { lost: `after ${bound / 1000} s: ${last}` };
}

await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (let one = wanted.pop(); one; one = wanted.pop())
      say({ key: one.key, id: one.id, ...(await look(one)) });
  }),
);
await client?.then(
  (one) => one.close(),
  () => {},
);
