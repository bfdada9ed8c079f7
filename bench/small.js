// What single steps of a client cost: connecting, and values that are copied or given away. Of any build of
// this package.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './median.js';

const mebibyte = 1 << 20;

/** The median of so many runs of a step (milliseconds); `make` prepares each, and is not counted. */
async function cost(count, step, make = () => undefined) {
  const times = [];
  for (let round = 0; round < count; round++) {
    const given = make();
    const begin = performance.now();
    await step(given);
    times.push(performance.now() - begin);
  }
  return median(times.slice(Math.floor(count / 5)));
}

/**
 * Milliseconds of each step, on the cluster of that connection file. `transfer` is undefined for builds that
 * have none.
 */
export async function small({ Client, transfer }, connectionFile) {
  const tls = join(process.env.IPYTHONDIR, 'small-tls.json');
  writeFileSync(tls, JSON.stringify({ ...JSON.parse(readFileSync(connectionFile, 'utf8')), socket: '' }), {
    mode: 0o600,
  });
  const connect = async (file) => (await Client.connect({ file })).close();
  const result = {
    connect: await cost(60, () => connect(connectionFile)),
    connectTls: await cost(60, () => connect(tls)),
  };
  for (const [name, file] of [
    ['', connectionFile],
    ['Tls', tls],
  ]) {
    const client = await Client.connect({ file });
    const one = client.direct(0);
    const lengthOf = (array) => array.length;
    const make = () => new Uint8Array(mebibyte).fill(7);
    // In turns, so that both meet the same machine.
    const [kept, given] = [[], []];
    for (let round = 0; round < 10; round++) {
      kept.push(await cost(50, (array) => one.apply(lengthOf, array), make));
      if (transfer) given.push(await cost(50, (array) => one.apply(lengthOf, transfer(array)), make));
    }
    result[`copied${name}`] = median(kept);
    if (transfer) result[`given${name}`] = median(given);
    await client.close();
  }
  return result;
}
