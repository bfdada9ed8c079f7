// Bytes are bytes: random ones as the output of eight tasks at once, by every way out, must have the sums
// that went in, and no process of ours may grow by them beyond a bound. Writes proof/bytes.md unless told
// otherwise. node proof/bytes.js [--size BYTES] [--only WORDS] [--print]
import { createHash, randomFillSync } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Scene } from './core/scene.js';

const { values } = parseArgs({
  options: { size: { type: 'string' }, only: { type: 'string' }, print: { type: 'boolean' } },
});
const mebi = 2 ** 20;
/** Bytes of all tasks together. */
const size = Number(values.size ?? 64 * mebi);
const tasks = 8;
/** The most that a process of ours may have resident (bytes). */
const mostMemory = 200 * 1e6;
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The most that each of our processes has had resident, by program. */
class Peaks {
  /** Bytes, by program. */
  most = new Map();

  constructor(folder) {
    this.folder = folder;
    this.timer = setInterval(() => this.look(), 25);
  }

  look() {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        if (!readlinkSync(`/proc/${pid}/exe`).endsWith('node')) continue;
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`IPYTHONDIR=${this.folder}`))
          continue;
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').slice(1).join(' ');
        if (/ -e |^-e /.test(words) && !words.includes('dist/index.js')) continue;
        const program = /(?:programs|bin)\/(\w+)/.exec(words)?.[1] ?? 'library';
        const bytes =
          Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
        this.most.set(program, Math.max(bytes, this.most.get(program) ?? 0));
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  end() {
    clearInterval(this.timer);
    return [...this.most].sort(([, a], [, b]) => b - a);
  }
}

const inputs = Array.from({ length: tasks }, (_unused, index) => `part${index}`);
const map = (flags, end) => `ipcluster map -k ${flags} -- cat {} ::: ${inputs.join(' ')} ${end}`;
const whole = (reader) => ({ reader, sums: 'whole' });
const slowly =
  `(sleep 3; node -e 'process.stdin.on("data", (c) => { process.stdout.write(c); process.stdin.pause(); ` +
  `setTimeout(() => process.stdin.resume(), 2) })')`;
const codeOf = (name) => `process.stdout.write(require("node:fs").readFileSync("$PWD/${name}")); undefined`;
const every = (line) =>
  `${inputs.map((name, index) => `{ ${line(name, index)}; } &`).join('\n')}\nwait; cat sum-*`;
const fromJson =
  `node -e 'let t="";process.stdin.on("data",(c)=>t+=c).on("end",()=>{for(const {result:r} of ` +
  `JSON.parse(t).items)process.stdout.write(r.stdoutBase64===undefined?r.stdout:Buffer.from(r.stdoutBase64,"base64"))})'`;
const library = (body) => `${body}`;

const rows = [
  { name: 'map into a file', ...whole(), line: `${map('', '>out')}; sha256sum <out` },
  { name: 'map into a pipe', ...whole(), line: map('', '| sha256sum') },
  {
    name: 'map to a reader that begins late and reads slowly',
    ...whole(),
    line: map('', `| ${slowly} | sha256sum`),
  },
  {
    name: 'map, bytes on stderr',
    ...whole(),
    line: `ipcluster map -k -- 'cat {} >&2' ::: ${inputs.join(' ')} 2>&1 >/dev/null | sha256sum`,
  },
  { name: 'map --json', ...whole(), line: map('--json', `| ${fromJson} | sha256sum`) },
  {
    name: 'exec into files',
    sums: 'each',
    line: every(
      (name, index) =>
        `ipcluster exec -t ${index} '${codeOf(name).replace('$PWD', "'$PWD'")}' >out${index}; sha256sum ` +
        `<out${index} >sum-${index}`,
    ),
  },
  {
    name: 'exec into pipes',
    sums: 'each',
    line: every(
      (name, index) =>
        `ipcluster exec -t ${index} '${codeOf(name).replace('$PWD', "'$PWD'")}' | sha256sum >sum-${index}`,
    ),
  },
  {
    name: 'exec to slow readers',
    sums: 'each',
    line: every(
      (name, index) =>
        `ipcluster exec -t ${index} '${codeOf(name).replace('$PWD', "'$PWD'")}' | ${slowly} | sha256sum ` +
        `>sum-${index}`,
    ),
  },
  {
    name: 'command() of the library, as bytes',
    sums: 'each',
    program: library(`
      const { createHash } = await import('node:crypto');
      const parts = await Promise.all(${JSON.stringify(inputs)}.map((name) => client.balanced().command(['cat', name], { stream: false, bytes: true, cwd: process.cwd() })));
      for (const { stdout, stdoutBytes } of parts) console.log(createHash('sha256').update(stdoutBytes ?? stdout).digest('hex'));
      await client.close();`),
  },
  {
    name: 'command() of the library, as it comes',
    sums: 'each',
    program: library(`
      const { createHash } = await import('node:crypto');
      const sums = ${JSON.stringify(inputs)}.map(async (name) => {
        const sum = createHash('sha256');
        const result = client.balanced().command(['cat', name], { cwd: process.cwd() });
        for await (const { name: stream, text, bytes } of result.outputs()) sum.update(stream === 'stdout' ? (bytes ?? text) : '!');
        await result;
        return sum.digest('hex');
      });
      for (const sum of await Promise.all(sums)) console.log(sum);
      await client.close();`),
  },
];

async function play(row, scene, expected) {
  const peaks = new Peaks(scene.bed.folder);
  const { code, out, wrong } = row.program
    ? await scene.program(row.program)
    : await scene.shell(row.line, 120_000);
  const most = peaks.end();
  const sums = out.split('\n').flatMap((line) => /^[0-9a-f]{64}/.exec(line)?.[0] ?? []);
  const right = sums.join() === expected[row.sums].join();
  const small = most.every(([, bytes]) => bytes <= mostMemory);
  const memory = most.map(([program, bytes]) => `${program} ${Math.round(bytes / 1e6)}`).join(', ');
  return {
    name: row.name,
    sums: right
      ? 'the same'
      : `OTHER: ${sums.length} sums, code ${code} ${wrong.trim().split('\n').slice(0, 2).join(' / ')}`,
    memory,
    right: right && small,
  };
}

const played = [];
for (const row of rows) {
  if (values.only && !row.name.includes(values.only)) continue;
  // Each way has a cluster of its own: the most that a process ever had is told for its whole life.
  const scene = new Scene();
  await scene.bed.start(tasks);
  const parts = inputs.map(() => randomFillSync(Buffer.alloc(size / tasks)));
  parts.forEach((bytes, index) => void writeFileSync(join(scene.bed.folder, inputs[index]), bytes));
  const done = await play(row, scene, { whole: [sha(Buffer.concat(parts))], each: parts.map(sha) });
  played.push(done);
  process.stderr.write(`${done.right ? 'right' : 'WRONG'} ${done.name}: ${done.sums}; ${done.memory}\n`);
  await scene.end();
}

const wrong = played.filter(({ right }) => !right).length;
const table = [
  '# Bytes are bytes',
  '',
  `Written by \`node proof/bytes.js\`. ${size / mebi} MiB of random bytes are the output of ${tasks} ` +
    `tasks at once, on ${tasks} engines. Expected: the`,
  `sums that went in, and at most ${mostMemory / 1e6} MB resident in any process of ours. ` +
    `${played.length} rows, ${wrong} wrong.`,
  '',
  '| way out | expected | sums | most resident (MB) | right |',
  '|---|---|---|---|---|',
  ...played.map(
    ({ name, sums, memory, right }) =>
      `| ${name} | the same | ${sums.replaceAll('|', '\\|')} | ${memory} | ${right ? 'yes' : 'NO'} |`,
  ),
].join('\n');
if (values.print) process.stdout.write(`${table}\n`);
else writeFileSync(join(import.meta.dirname, 'bytes.md'), `${table}\n`);
process.exit(wrong === 0 ? 0 : 1);
