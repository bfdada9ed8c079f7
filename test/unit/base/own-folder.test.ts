import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readJsonIfWhole, removeFile, writeWhole } from '../../../src/base/files.js';
import {
  makeMemoryFolder,
  readMemoryFile,
  removeMemoryFolder,
  removeMemoryFolders,
  writeMemoryFile,
} from '../../../src/base/memory-files.js';
import { readFileText } from '../../../src/base/own-file.js';
import {
  closeFolder,
  ensureFolder,
  isOwnFolder,
  namesIn,
  openOwnFolder,
} from '../../../src/base/own-folder.js';
import { objectionTo } from '../../../src/base/own-socket.js';
import { removeTree } from '../../../src/base/remove-tree.js';
import { userFolder, userFolders } from '../../../src/base/temporary.js';

/** Another user of this machine: "nobody". Only root can make things in his name. */
const stranger = 65_534;
const asRoot = process.getuid?.() === 0;

let folder: string;
const temporary = process.env['TMPDIR'];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-own-'));
});
afterEach(() => {
  if (temporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = temporary;
  rmSync(folder, { recursive: true, force: true });
});

const make = (name: string, mode: number, owner?: number): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  if (owner !== undefined) chownSync(path, owner, owner);
  return path;
};
const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const refused = (path: string): string => {
  try {
    ensureFolder(path);
    return 'taken';
  } catch (error) {
    expect(error).toMatchObject({ code: 'FOLDER', exitCode: 2 });
    return (error as Error).message;
  }
};

describe('a folder of ours', () => {
  test('is made closed, with all parents that are missing', () => {
    ensureFolder(join(folder, 'a', 'b'));
    expect([modeOf(join(folder, 'a')), modeOf(join(folder, 'a', 'b'))]).toEqual(['700', '700']);
  });

  test('is closed where others could read it, and its contents stay', () => {
    const path = make('open', 0o755);
    writeFileSync(join(path, 'x'), 'x');
    closeFolder(path);
    expect([modeOf(path), readdirSync(path)]).toEqual(['700', ['x']]);
  });

  test(
    'is not one that everybody can write, nor what lies below such a one; a sentence ' + 'says what to do',
    () => {
      const open = make('open', 0o777);
      expect(refused(open)).toMatch(/can be written by everybody/);
      make('open/ours', 0o700);
      expect(refused(join(open, 'ours'))).toMatch(
        /can be written by everybody, who could change what lies in it/,
      );
      expect(refused(join(open, 'new'))).toMatch(/can be written by everybody/);
      expect(existsSync(join(open, 'new'))).toBe(false);
      try {
        ensureFolder(open);
      } catch (error) {
        expect((error as { suggestions: string[] }).suggestions.join()).toContain(`chmod o-w ${open}`);
      }
    },
  );

  test('may lie in a sticky folder of everybody', () => {
    const shared = make('shared', 0o1777);
    ensureFolder(join(shared, 'ours'));
    expect(modeOf(join(shared, 'ours'))).toBe('700');
    expect(isOwnFolder(join(shared, 'ours'), true)).toBe(true);
  });

  test('is no file, no pipe and nothing behind too many links', () => {
    writeFileSync(join(folder, 'file'), '');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('circle', join(folder, 'circle'));
    expect(refused(join(folder, 'file'))).toMatch(/is no folder/);
    expect(refused(join(folder, 'file', 'below'))).toMatch(/is no folder/);
    expect(refused(join(folder, 'pipe'))).toMatch(/is no folder/);
    expect(refused(join(folder, 'circle'))).toMatch(/too many links/);
  });

  test('may be behind links of ours, relative ones and back up the tree too', () => {
    make('real/deep', 0o700);
    symlinkSync('real/deep', join(folder, 'link'));
    symlinkSync('../real/./deep/..', join(folder, 'real', 'up'));
    ensureFolder(join(folder, 'link', 'x'));
    ensureFolder(join(folder, 'real', 'up', 'y'));
    expect(existsSync(join(folder, 'real', 'deep', 'x'))).toBe(true);
    expect(existsSync(join(folder, 'real', 'y'))).toBe(true);
  });

  test.skipIf(!asRoot)('is not another user’s, nor behind his link, nor in his folder, sticky or not', () => {
    expect(refused(make('his', 0o700, stranger))).toMatch(/belongs to another user \(uid 65534\)/);
    expect(refused(join(make('his-sticky', 0o1777, stranger), 'ours'))).toMatch(/belongs to another user/);
    const shared = make('shared', 0o1777);
    execFileSync('chown', ['-h', String(stranger), make('shared/before', 0o777)]);
    expect(refused(join(shared, 'before'))).toMatch(/belongs to another user/);
    expect(refused(join(shared, 'before', 'jobs'))).toMatch(/belongs to another user/);
    make('target', 0o700);
    symlinkSync(join(folder, 'target'), join(shared, 'link'));
    execFileSync('chown', ['-h', String(stranger), join(shared, 'link')]);
    expect(refused(join(shared, 'link'))).toMatch(/belongs to another user/);
    expect(readdirSync(join(folder, 'target'))).toEqual([]);
  });

  test.skipIf(!asRoot)('is not one that a group can write', () => {
    const shared = make('group', 0o770);
    chownSync(shared, 0, 12_345);
    expect(refused(shared)).toMatch(/can be written by its group \(gid 12345\)/);
    expect(refused(join(shared, 'x'))).toMatch(/its group/);
  });

  test('two at once make the same one', async () => {
    const script =
      `const { mkdirSync } = require('fs'); for (let n = 0; n < 200; n++) try { mkdirSync(process.argv[1] ` +
      `+ '/' + n, 0o700) } catch {}`;
    const other = new Promise<void>((done) =>
      import('node:child_process').then(({ execFile }) =>
        execFile(process.execPath, ['-e', script, folder], () => done()),
      ),
    );
    for (let n = 0; n < 200; n++) {
      ensureFolder(join(folder, String(n), 'below'));
      await new Promise((done) => setImmediate(done));
    }
    await other;
    expect(readdirSync(folder)).toHaveLength(200);
  });

  test('stays the same one when its name is given to another while it is open', () => {
    const before = make('name', 0o700);
    using open = openOwnFolder(before);
    renameSync(before, join(folder, 'moved'));
    make('name', 0o700);
    writeFileSync(open.at('x'), 'x');
    expect(readdirSync(join(folder, process.platform === 'linux' ? 'moved' : 'name'))).toEqual(['x']);
  });
});

describe('removing', () => {
  test('takes all of it, however deep, closed or large, and answers that the name is free', () => {
    let deep = join(folder, 'tree');
    for (let level = 0; level < 120; level++) deep = join(deep, 'd');
    mkdirSync(deep, { recursive: true });
    for (let n = 0; n < 2000; n++) writeFileSync(join(folder, 'tree', `f${n}`), '');
    writeFileSync(join(deep, 'x'), '');
    make('tree/closed', 0o700);
    writeFileSync(join(folder, 'tree', 'closed', 'x'), '');
    chmodSync(join(folder, 'tree', 'closed'), 0);
    execFileSync('mkfifo', [join(folder, 'tree', 'pipe')]);
    expect(removeTree(join(folder, 'tree'))).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    expect(removeTree(join(folder, 'tree'))).toBe(true);
    expect(removeTree(join(folder, 'tree', 'x'))).toBe(true);
  });

  test('follows no link, at the end or inside', () => {
    make('outside/deep', 0o700);
    writeFileSync(join(folder, 'outside', 'deep', 'x'), 'x');
    make('tree', 0o700);
    symlinkSync(join(folder, 'outside'), join(folder, 'tree', 'link'));
    symlinkSync(join(folder, 'outside'), join(folder, 'link'));
    expect([removeTree(join(folder, 'tree')), removeTree(join(folder, 'link'))]).toEqual([true, true]);
    expect(readdirSync(folder)).toEqual(['outside']);
    expect(readFileSync(join(folder, 'outside', 'deep', 'x'), 'utf8')).toBe('x');
  });

  test('never leaves the folder while somebody swaps what is in it for links', async () => {
    make('outside', 0o700);
    for (let n = 0; n < 200; n++) writeFileSync(join(folder, 'outside', `f${n}`), '');
    const script = `const fs = require('fs'), { join } = require('path'), base = process.argv[1];
      process.stdout.write('.');
      for (const end = Date.now() + 3000; Date.now() < end;)
        for (let n = 0; n < 5; n++) try { const d = join(base, 'tree', 'd' + n); fs.renameSync(d, d + '.' + Math.random()); fs.symlinkSync(join(base, 'outside'), d); } catch {}`;
    const { spawn } = await import('node:child_process');
    const racer = spawn(process.execPath, ['-e', script, folder]);
    await new Promise((done) => racer.stdout.once('data', done));
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 5; n++) {
        try {
          mkdirSync(join(folder, 'tree', `d${n}`), { recursive: true });
          for (let file = 0; file < 20; file++) writeFileSync(join(folder, 'tree', `d${n}`, `f${file}`), '');
        } catch {
          // It has been swapped already.
        }
      }
      removeTree(join(folder, 'tree'));
      await new Promise((done) => setImmediate(done));
    }
    racer.kill();
    await new Promise((done) => racer.once('close', done));
    expect(readdirSync(join(folder, 'outside')).length).toBeGreaterThanOrEqual(200);
  });

  test.skipIf(!asRoot)('leaves another user’s folder, and what lies behind his, and does not fail', () => {
    const his = make('shared/his', 0o755, stranger);
    writeFileSync(join(his, 'x'), '');
    chmodSync(join(folder, 'shared'), 0o1777);
    expect(removeTree(his)).toBe(false);
    expect(readdirSync(his)).toEqual(['x']);
    make('thesis/data', 0o700);
    symlinkSync(join(folder, 'thesis'), join(folder, 'shared', 'link'));
    execFileSync('chown', ['-h', String(stranger), join(folder, 'shared', 'link')]);
    expect(removeTree(join(folder, 'shared', 'link', 'data'))).toBe(false);
    expect(existsSync(join(folder, 'thesis', 'data'))).toBe(true);
  });

  test('removes nothing below a folder that everybody can write', async () => {
    make('open/ours', 0o700);
    writeFileSync(join(folder, 'open', 'file'), '');
    chmodSync(join(folder, 'open'), 0o777);
    await removeFile(join(folder, 'open', 'file'));
    expect(removeTree(join(folder, 'open', 'ours'))).toBe(false);
    expect(readdirSync(join(folder, 'open')).sort()).toEqual(['file', 'ours']);
  });
});

describe('files', () => {
  test('a link that waits under the name is replaced, not followed', () => {
    writeFileSync(join(folder, 'theirs'), 'theirs');
    symlinkSync(join(folder, 'theirs'), join(folder, 'name'));
    linkSync(join(folder, 'theirs'), join(folder, 'hard'));
    for (const name of ['name', 'hard']) writeWhole(join(folder, name), 'ours');
    expect(readFileSync(join(folder, 'theirs'), 'utf8')).toBe('theirs');
    expect(lstatSync(join(folder, 'name')).isFile()).toBe(true);
  });

  test('a pipe, a device, a folder and an endless file are refused at once', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const path of [join(folder, 'pipe'), '/dev/zero', folder])
      expect(() => readFileText(path)).toThrow(/no file of text/);
    writeFileSync(join(folder, 'large'), Buffer.alloc(2 << 20));
    expect(() => readFileText(join(folder, 'large'))).toThrow(/larger than 1024 KiB/);
    expect(await readJsonIfWhole(join(folder, 'pipe'))).toBeUndefined();
  });

  test('what others may have written is not read', async () => {
    const open = make('open', 0o777);
    writeFileSync(join(open, 'x.json'), '{}');
    expect(await readJsonIfWhole(join(open, 'x.json'))).toBeUndefined();
    expect(await namesIn(open)).toEqual([]);
    expect(() => writeWhole(join(open, 'y.json'), '{}')).toThrow(expect.objectContaining({ code: 'FOLDER' }));
    expect(readdirSync(open)).toEqual(['x.json']);
  });
});

const isOwnSocket = (path: string): boolean => objectionTo(path) === undefined;

test('a socket is ours where it and its folder are', async () => {
  const path = join(make('closed', 0o700), 'x.sock');
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  expect(isOwnSocket(path)).toBe(true);
  symlinkSync(path, join(folder, 'link.sock'));
  writeFileSync(join(folder, 'file.sock'), '');
  expect([
    isOwnSocket(join(folder, 'link.sock')),
    isOwnSocket(join(folder, 'file.sock')),
    isOwnSocket(''),
  ]).toEqual([false, false, false]);
  if (asRoot) {
    chownSync(path, stranger, stranger);
    expect(isOwnSocket(path)).toBe(false);
    chownSync(path, 0, 0);
    chownSync(dirname(path), stranger, stranger);
    expect(isOwnSocket(path)).toBe(false);
    chownSync(dirname(path), 0, 0);
  }
  chmodSync(dirname(path), 0o777);
  expect(isOwnSocket(path)).toBe(false);
  server.close();
});

describe.skipIf(process.platform !== 'linux')('the folder of sockets', () => {
  const own = `ipcluster-${process.getuid?.()}`;
  const inTemporary = (path: string): void => {
    process.env['TMPDIR'] = path;
  };

  test('is made closed in the temporary folder, and found again', () => {
    inTemporary(make('tmp', 0o1777));
    expect(userFolder()).toBe(join(folder, 'tmp', own));
    expect([modeOf(userFolder()), userFolders()[0]]).toEqual(['700', userFolder()]);
  });

  test.each([
    ['another user’s folder', (path: string) => chownSync(make(path, 0o777), stranger, stranger), asRoot],
    ['a file', (path: string) => writeFileSync(join(folder, path), ''), true],
    [
      'another user’s link',
      (path: string) =>
        execFileSync('sh', [
          '-c',
          `ln -s / ${join(folder, path)}; chown -h ${stranger} ${join(folder, path)}`,
        ]),
      asRoot,
    ],
    ['a folder that everybody can write', (path: string) => make(path, 0o777), true],
  ])(
    'lies beside it where its name is taken by %s; all programs find the same one',
    (_what, take, possible) => {
      if (!possible) return;
      inTemporary(make('tmp', 0o1777));
      take(`tmp/${own}`);
      const second = userFolder();
      expect(second).toMatch(new RegExp(`^${join(folder, 'tmp', own)}-.{6}$`));
      expect([modeOf(second), userFolder(), userFolders().includes(second)]).toEqual(['700', second, true]);
    },
  );

  test('is elsewhere where the temporary folder is too long, not there, or anybody’s', () => {
    for (const path of [make('x'.repeat(100), 0o1777), join(folder, 'none'), make('open', 0o777)]) {
      inTemporary(path);
      expect(userFolder()).toBe(`/tmp/${own}`);
      if (existsSync(path)) expect(readdirSync(path)).toEqual([]);
    }
  });
});

describe.skipIf(!existsSync('/dev/shm'))('memory of the host', () => {
  const owner = `own-folder-test-${process.pid}`;

  test('a folder of before is used where it is ours and closed, else there is a new one', () => {
    const first = makeMemoryFolder(owner);
    expect(makeMemoryFolder(owner, first)).toBe(first);
    expect(makeMemoryFolder(`${owner}-2`, first)).not.toBe(first);
    chmodSync(first, 0o777);
    const second = makeMemoryFolder(owner, first);
    expect(second).not.toBe(first);
    expect(writeMemoryFile(first, 0, Buffer.from('x'))).toBeUndefined();
    chmodSync(first, 0o700);
    rmSync(first, { recursive: true });
    symlinkSync(folder, first);
    expect(makeMemoryFolder(owner, first)).not.toBe(first);
    expect([removeMemoryFolder(first), removeMemoryFolder(second)]).toEqual([false, true]);
    rmSync(first);
    // Those of this test alone: clusters of the same user have theirs beside them, which may be empty.
    expect([removeMemoryFolders(owner), removeMemoryFolders(`${owner}-2`)]).toEqual([1, 1]);
  });

  test('a frame is read from a file of ours in a folder of ours, and from nothing else', () => {
    const memory = makeMemoryFolder(owner);
    const frame = Buffer.from('frame');
    const file = writeMemoryFile(memory, 0, frame) as { index: number; path: string; size: number };
    expect(readMemoryFile(file).equals(frame)).toBe(true);
    symlinkSync(file.path, join(memory, 'link'));
    execFileSync('mkfifo', [join(memory, 'pipe')]);
    linkSync(file.path, join(memory, 'hard'));
    for (const name of ['link', 'pipe', 'hard'])
      expect(() => readMemoryFile({ ...file, path: join(memory, name) })).toThrow();
    expect(() => readMemoryFile({ ...file, path: '/etc/passwd' })).toThrow(/no folder of ours/);
    expect(() => readMemoryFile({ ...file, size: 1e15 })).toThrow();
    removeMemoryFolder(memory);
  });
});
