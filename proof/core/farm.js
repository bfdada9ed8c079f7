// `ipcluster map` and `exec` among the programs of a Unix shell.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A line of a shell, and what it must print; in bytes as latin-1. */
const line = (name, command, expected, code = 0) => ({
  name,
  expected: `prints ${JSON.stringify(expected).slice(0, 80)}, exit code ${code}`,
  async run(scene) {
    const seen = await scene.shell(command);
    scene.is('it printed', seen.out.trim(), expected);
    scene.is('exit code', seen.code, code);
    if (/EAGAIN|\bat .*:\d+:\d+/.test(seen.wrong)) scene.wrong(seen.wrong.slice(0, 200));
  },
});

export const rows = [
  line('input that comes late', '(sleep 1; echo a) | ipcluster map -- echo {}', 'a'),
  line(
    'input of another program',
    'set +o pipefail; seq 1 2000 | head -500 | ipcluster map -- echo {} | wc -l',
    '500',
  ),
  line('all output of a long one', 'ipcluster map -- seq 1 {} ::: 100000 | wc -c', '588895'),
  line('a reader that is slow', 'ipcluster map -- seq 1 {} ::: 100000 | (sleep 1; wc -c)', '588895'),
  line(
    'a reader that has had enough',
    'set +o pipefail; ipcluster map -- seq 1 {} ::: 100000 | head -1',
    '1',
  ),
  line(
    'json for a slow reader',
    `ipcluster exec --json "'x'.repeat(300000)" | (sleep 1; python3 -c 'import json, sys; ` +
      `print(len(json.load(sys.stdin)) > 0)')`,
    'True',
  ),
  {
    name: 'bytes that are no text, 1 MB and 40 MB',
    expected: 'the same bytes',
    async run(scene) {
      for (const { name, size } of [
        { name: 'bin.dat', size: 1 << 20 },
        { name: 'big.dat', size: 40 << 20 },
      ]) {
        const bytes = randomBytes(size);
        writeFileSync(join(scene.bed.folder, name), bytes);
        const { out, code } = await scene.shell(`ipcluster map -- cat {} ::: ${name} | sha256sum`);
        scene.is(name, [out.slice(0, 64), code], [hash(bytes), 0]);
      }
      const left = readdirSync(tmpdir())
        .filter((name) => /^ipcluster-\d+$/.test(name))
        .flatMap((name) => readdirSync(join(tmpdir(), name)).filter((file) => /std(out|err)/.test(file)));
      scene.is('left in /tmp', left, []);
    },
  },
  {
    name: 'a child that writes after its command is over',
    expected: 'not in the output of another',
    async run(scene) {
      const { out } = await scene.shell(
        `ipcluster map -- sh -c '(sleep 0.5; echo LATE-{}) & echo NOW-{}; sleep 0.2' ::: 1 2 3 4 5 6 7 8`,
      );
      const wrong = out.split('\n').filter((text) => text !== '' && !/^(NOW|LATE)-\d$/.test(text));
      scene.is('strange lines', wrong, []);
      scene.is('NULs', out.includes('\0'), false);
      const now = out
        .split('\n')
        .filter((text) => text.startsWith('NOW'))
        .sort();
      scene.is(
        'lines that count',
        now,
        [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `NOW-${number}`),
      );
    },
  },
  line('--time-limit 30d', 'ipcluster map --time-limit 30d -- echo {} ::: a', 'a'),
  {
    name: '--time-limit 0',
    expected: 'no limit, or refused by name with exit code 2',
    async run(scene) {
      const { code, out, wrong } = await scene.shell('ipcluster map --time-limit 0 -- echo {} ::: a');
      scene.is('it', code === 0 ? out.trim() : `${code} ${wrong}`, /^a$|^2 .*time-limit/s);
    },
  },
  line(
    'a file name in latin-1',
    "printf 'x' > $'caf\\xe9'; printf 'caf\\xe9\\n' | ipcluster map -- cat {}",
    'x',
  ),
  {
    name: 'a NUL in an input',
    expected: 'refused by name, or its own end of an input',
    async run(scene) {
      const { code, wrong } = await scene.shell(`printf 'a\\0b\\n' | ipcluster map -- echo {}`);
      scene.is('it', `${code} ${wrong}`, /^2 .*byte of zero/s);
    },
  },
  line('a last line without an end', "printf 'a\\nb' | ipcluster map -- echo {} | sort | tr '\\n' ,", 'a,b,'),
];
