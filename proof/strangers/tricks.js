// What a stranger can put in the place of something of ours. Each runs as the stranger, in plain Node.
export const tricks = {
  'a folder that nobody else may enter': async ({ at }, { fs }) => fs.mkdirSync(at, { mode: 0o700 }),
  'a folder with a file in it': async ({ at }, { fs, path }) => {
    fs.mkdirSync(at, { mode: 0o755 });
    fs.writeFileSync(path.join(at, 'x'), 'x');
  },
  'an open folder': async ({ at }, { fs }) => {
    fs.mkdirSync(at);
    fs.chmodSync(at, 0o777);
  },
  'a link to the thesis': async ({ at, thesis }, { fs }) => fs.symlinkSync(thesis, at),
  'a link to a folder of his': async ({ at, lair }, { fs, path }) => {
    const own = path.join(lair, 'own');
    fs.mkdirSync(own, { recursive: true });
    fs.chmodSync(own, 0o777);
    fs.symlinkSync(own, at);
  },
  'a link to nothing': async ({ at }, { fs }) => fs.symlinkSync('/nonexistent/there', at),
  'a file': async ({ at }, { fs }) => fs.writeFileSync(at, 'mine', { mode: 0o666 }),
  'a file with two names': async ({ at, lair }, { fs, path }) => {
    const own = path.join(lair, 'kept');
    fs.writeFileSync(own, '', { mode: 0o666, flag: 'a' });
    fs.chmodSync(own, 0o666);
    try {
      fs.linkSync(own, at);
    } catch {
      fs.copyFileSync(own, at);
    }
  },
  'a pipe with a name': async ({ at }) =>
    void require('node:child_process').execFileSync('mkfifo', ['-m', '666', at]),
  'a link to a device': async ({ at }, { fs }) => fs.symlinkSync('/dev/zero', at),
  'a socket': async ({ at }, { net, ended, ready }) => {
    net.createServer((socket) => socket.destroy()).listen(at, ready);
    await ended;
  },
  'a folder of 4,000 files': async ({ at }, { fs, path }) => {
    fs.mkdirSync(at);
    fs.chmodSync(at, 0o777);
    for (let index = 0; index < 4000; index++) fs.writeFileSync(path.join(at, `f${index}`), '');
  },
  'a folder that becomes a link to the thesis when its files go': async (
    { at, thesis },
    { fs, path, ended, ready },
  ) => {
    const inner = path.join(at, 'd');
    fs.mkdirSync(path.join(inner, 'thesis', 'data'), { recursive: true });
    for (const folder of [at, inner, path.join(inner, 'thesis'), path.join(inner, 'thesis', 'data')])
      fs.chmodSync(folder, 0o777);
    for (let index = 0; index < 4000; index++) fs.writeFileSync(path.join(inner, `f${index}`), '');
    const many = () => fs.readdirSync(inner).length;
    const before = many();
    ready();
    let over = false;
    void ended.then(() => (over = true));
    while (!over) {
      if (fs.existsSync(inner) && many() < before) {
        fs.renameSync(inner, `${at}/old`);
        fs.symlinkSync(path.dirname(thesis), inner);
        return 'swapped';
      }
      await new Promise((done) => setImmediate(done));
    }
    return 'nothing to swap';
  },
};

/** Tricks during which the stranger must stay there. */
export const staying = new Set(['a socket', 'a folder that becomes a link to the thesis when its files go']);

/**
 * Listens in the place of the controller on a Unix socket, does as a controller would that accepts whoever
 * comes, and writes down whatever sounds like a secret: it has seen the token when the file named `stolen` is
 * there.
 */
export const listener = async ({ at, lair, tokens }, { fs, path, net, ended, ready }) => {
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.chmodSync(path.dirname(at), 0o777);
  let met = 0;
  net
    .createServer((socket) => {
      met += 1;
      let heard = '';
      socket
        .on('error', () => {})
        .on('data', (chunk) => {
          heard += chunk.toString('latin1');
          if (/Bearer /i.test(heard) || tokens.some((token) => heard.includes(token)))
            fs.writeFileSync(path.join(lair, 'stolen'), heard.slice(0, 400));
          if (heard.includes('\r\n\r\n'))
            socket.write(
              'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ' +
                'ipcluster\r\nx-ipcluster-proof: AAAA\r\n\r\n',
            );
        });
    })
    .listen(at, () => {
      fs.chmodSync(at, 0o777);
      ready();
    });
  await ended;
  return met;
};

/**
 * Looks at everything that appears where all may write, and tries at once whatever a stranger can: to enter,
 * read, rename, remove, replace, link over, and connect. Answers what he won.
 */
export const racer = async ({ folders, thesis, lair }, { fs, path, net, ended, ready }) => {
  const won = new Set();
  let tries = 0;
  const attempt = (what, act) => {
    tries += 1;
    try {
      act();
      won.add(what);
    } catch {}
  };
  const strike = (at) => {
    let facts;
    try {
      facts = fs.lstatSync(at);
    } catch {
      return;
    }
    if (facts.uid === process.getuid()) return;
    const name = path.basename(at);
    attempt(`listed ${name}`, () => (facts.isDirectory() ? fs.readdirSync(at) : fail()));
    attempt(`read ${name}`, () => (facts.isFile() ? fs.readFileSync(at) : fail()));
    attempt(`wrote ${name}`, () => (facts.isFile() ? fs.appendFileSync(at, 'x') : fail()));
    attempt(`put a file into ${name}`, () =>
      facts.isDirectory() ? fs.writeFileSync(path.join(at, 'x'), 'x') : fail(),
    );
    attempt(`moved ${name}`, () => fs.renameSync(at, `${at}-moved`));
    attempt(`removed ${name}`, () => (facts.isDirectory() ? fs.rmdirSync(at) : fs.unlinkSync(at)));
    if (facts.isSocket())
      net
        .connect(at)
        .on('connect', () => won.add(`connected to ${name}`))
        .on('error', () => {});
    // What may come next under a name that can be guessed.
    for (const next of [`${at}.tmp`, `${at}-wal`, `${at}-journal`, `${at}.lock`])
      if (!fs.existsSync(next)) {
        try {
          fs.symlinkSync(thesis, next);
        } catch {}
      }
  };
  function fail() {
    throw new Error('not of that kind');
  }
  const mine = /ipcluster|default|jobs/;
  for (const folder of folders)
    fs.watch(folder, (_event, name) => name && mine.test(name) && strike(path.join(folder, name)));
  ready();
  await ended;
  if (won.size > 0) fs.writeFileSync(path.join(lair, 'pwned'), [...won].join('\n'));
  return { tries, won: [...won] };
};
