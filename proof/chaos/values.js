// What every request must give, as pure functions of its key: whoever asked can tell a right answer from a
// wrong one by itself.

/** A number that belongs to a text. */
export function numberOf(key) {
  let hash = 2_166_136_261;
  for (const letter of key) hash = Math.imul(hash ^ letter.codePointAt(0), 16_777_619) >>> 0;
  return hash;
}

/** An array of that many numbers that belongs to a key: no two keys share one. */
export function arrayOf(key, length) {
  const base = numberOf(key);
  return Float64Array.from({ length }, (_unused, index) => base + index / 65_536);
}

/** Whether these are the numbers of a key, each moved by `by`. */
export function isArrayOf(key, length, array, by = 0) {
  if (!(array instanceof Float64Array) || array.length !== length) return false;
  const base = numberOf(key) + by;
  return array.every((value, index) => value === base + index / 65_536);
}

/** Whether `{ key, number }` is what {@link task} gives for that key. */
export const isAnswerOf = (key, value) => value?.key === key && value.number === numberOf(key);

// What follows runs on engines: functions travel by their source, so each stands by itself. Each notes its
// run in the journal, in a file of the engine's own: key, pid of the engine and of its supervisor,
// milliseconds of the monotonic clock.

/** Waits, and answers the key's number. */
export async function task({ key, wait, journal }) {
  const { appendFileSync } = process.getBuiltinModule('node:fs');
  appendFileSync(
    `${journal}/${process.pid}.runs`,
    `${key} ${process.pid} ${process.ppid} ${process.hrtime.bigint() / 1_000_000n}\n`,
  );
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  let hash = 2_166_136_261;
  for (const letter of key) hash = Math.imul(hash ^ letter.codePointAt(0), 16_777_619) >>> 0;
  return { key, number: hash };
}

/** Gives an array back with each number one higher. */
export function arrayTask({ key, journal }, array) {
  const { appendFileSync } = process.getBuiltinModule('node:fs');
  appendFileSync(
    `${journal}/${process.pid}.runs`,
    `${key} ${process.pid} ${process.ppid} ${process.hrtime.bigint() / 1_000_000n}\n`,
  );
  return array.map((value) => value + 1);
}

/** Fails when it runs for the first time, wherever that is. */
export function flakyTask({ key, journal }) {
  const { appendFileSync, existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  const before = existsSync(`${journal}/${key}.tried`);
  appendFileSync(
    `${journal}/${process.pid}.runs`,
    `${key} ${process.pid} ${process.ppid} ${process.hrtime.bigint() / 1_000_000n}\n`,
  );
  writeFileSync(`${journal}/${key}.tried`, '');
  if (!before) throw new Error('as planned');
  return key;
}

/** The shell's part of the same: a run's line in the journal, and the key on standard output. */
export const shellTask = (key, journal, wait) => [
  'sh',
  '-c',
  'read up rest </proc/uptime; echo "$1 $$ $PPID $up" >>"$2/shell.runs"; sleep "$3"; echo "$1"',
  'sh',
  key,
  journal,
  String(wait),
];
