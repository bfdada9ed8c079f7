// Lists of inputs as people have them, and GNU parallel's language for them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs one line of map in a home with a cluster of two engines, and with these lists. */
async function withLists(scene, use) {
  const list = (name, bytes) => writeFileSync(join(scene.folder, name), bytes);
  list('names', 'one\n\nthree\n');
  list('csv', '1,0.5,x y\n2,0.7,z\n');
  list('latin', Buffer.from('caf\xe9.dat\n', 'latin1'));
  list('windows', 'a.txt\r\nb.txt\r\n');
  list('zeros', 'a b\0c\nd\0');
  const { code } = await scene.run('start', '-n', '2', '-d');
  scene.is('start', code, 0);
  await use(async (line) => {
    const { code: exit, out, wrong } = await scene.shell(`ipcluster map -k ${line}`);
    return { exit, out, wrong };
  });
}

export const rows = [
  {
    entry: 'F18 map and real job lists',
    bed: 'none',
    expected:
      'files after ::::, columns, numbers of lines, bytes, zeros and CR LF are read as they are meant',
    quick: true,
    run: (scene) =>
      withLists(scene, async (map) => {
        scene.is('a file of inputs', (await map('-- echo {} :::: names')).out, 'one\nthree\n');
        scene.is('numbers of lines', (await map('-- echo {#} {} < names')).out, '1 one\n3 three\n');
        scene.is(
          'job log',
          (await map('--joblog log -- echo {} :::: names && cut -f1,9 log | sort')).out,
          /1\techo one\n3\techo three\n/,
        );
        scene.is('columns', (await map('--colsep , -- echo {3}-{1} {#} :::: csv')).out, 'x y-1 1\nz-2 2\n');
        scene.is(
          'columns in a line for sh',
          (await map("-C , -- 'printf %s.%s {2} {3} | tr a-z A-Z; echo' :::: csv")).out,
          '0.5.X Y\n0.7.Z\n',
        );
        scene.is(
          'bytes of a list',
          (await map('-- printf %s {} :::: latin | od -An -tx1')).out.trim(),
          '63 61 66 e9 2e 64 61 74',
        );
        scene.is(
          'bytes of a word',
          (await map("-- printf %s {} ::: $'caf\\xe9' | od -An -tx1")).out.trim(),
          '63 61 66 e9',
        );
        scene.is(
          'a file by its bytes',
          (
            await map(
              "-- cat {} ::: $'caf\\xe9' ; touch $'caf\\xe9'; ipcluster map -- ls {} ::: $'caf\\xe9' | " +
                'od -An -tx1',
            )
          ).out.trim(),
          '63 61 66 e9 0a',
        );
        scene.is('zeros', (await map("-0 -- printf '[%s]' {} :::: zeros")).out, '[a b][c\nd]');
        scene.is('zeros on stdin', (await map("--null -- printf '[%s]' {} < zeros")).out, '[a b][c\nd]');
        const windows = await map("-- printf '[%s]' {} < windows");
        scene.is(
          'CR LF',
          windows.out + windows.wrong,
          /^\[a\.txt\]\[b\.txt\].*stdin has lines that end with CR LF: the CR is left out/s,
        );
        scene.is('parts', (await map('-- echo {/} {.} {//} {/.} ::: d/f.csv')).out, 'f.csv d/f d f\n');
      }),
  },
  {
    entry: 'F18 map: what is not done is refused',
    bed: 'none',
    expected: 'exit code 2 and a sentence, and nothing is run',
    quick: true,
    run: (scene) =>
      withLists(scene, async (map) => {
        const refused = async (line, words) => {
          const { exit, out, wrong } = await map(line);
          scene.is(line, `${exit} ${out}${wrong}`, new RegExp(`^2 ipcluster: ${words.source}`));
        };
        await refused(
          '-- echo {1} {2} < csv',
          /\{2\} is a column of the input, but nothing says what separates columns/,
        );
        await refused('-- echo {} :::: nowhere', /The list of inputs nowhere cannot be read/);
        await refused('-- echo {} ::::', /No file of inputs is named after ::::/);
        await refused('-- echo {} ::: a ::: b', /There can be one list of inputs here/);
        await refused('-- echo {%} ::: a', /\{%\} has no meaning here/);
        await refused('-- echo {} < zeros', /Input 1 has a byte of zero in it/);
        await refused("--colsep '(' -- echo {1} :::: csv", /--colsep is "\("/);
      }),
  },
];
