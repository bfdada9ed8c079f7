// Us beside our peers in one run: medians and ratios. Needs Debian's python3-ipyparallel and parallel.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.js';

const missing = ['/usr/lib/python3/dist-packages/ipyparallel', '/usr/bin/parallel'].filter(
  (path) => !existsSync(path),
);
if (missing.length > 0) {
  process.stderr.write(
    `not installed: ${missing.join(', ')}\n  try: apt-get install python3-ipyparallel ` +
      'python3-numpy parallel\n',
  );
  process.exit(2);
}
const rounds = Number(process.argv[2] ?? 3);
process.env.IPYTHONDIR = mkdtempSync(join(tmpdir(), 'ipcluster-bench-'));
const { inputs, session } = await import('./session.js');

const timed = (program, args) => {
  const begin = performance.now();
  execFileSync(program, args, { input: inputs, stdio: ['pipe', 'ignore', 'ignore'] });
  return (performance.now() - begin) / 1000;
};
const ours = [];
const peers = [];
for (let round = 0; round < rounds; round++) {
  peers.push({
    ...JSON.parse(
      execFileSync('/usr/bin/python3', [join(import.meta.dirname, 'peer.py')], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ),
    parallel: timed('/usr/bin/parallel', ['true']),
    xargs: timed('/usr/bin/xargs', ['-P2', '-n1', 'true']),
  });
  ours.push(await session());
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}
rmSync(process.env.IPYTHONDIR, { recursive: true, force: true });

const of = (list, pick) => median(list.map(pick));
/**
 * A row: what, theirs, ours, the ratio that counts (larger is better for us), and what it should be at least.
 */
const row = (what, unit, peer, goal, pickPeer, pickOwn, lowerIsBetter) => {
  const [theirs, us] = [of(peers, pickPeer), of(ours, pickOwn)];
  const ratio = lowerIsBetter ? theirs / us : us / theirs;
  return [
    what,
    peer,
    `${theirs.toFixed(2)} ${unit}`,
    `${us.toFixed(2)} ${unit}`,
    `${ratio.toFixed(2)}×`,
    goal,
  ];
};
const ipp = 'ipyparallel';
const rows = [
  row(
    'start until the first answer of 4 engines',
    's',
    ipp,
    '≥ 10×',
    (p) => p.start,
    (o) => o.start,
    true,
  ),
  row(
    'no-op balanced tasks',
    'tasks/s',
    ipp,
    '≥ 25×',
    (p) => p.tasks,
    (o) => o.tasks,
    false,
  ),
  row(
    'direct no-op apply, p50',
    'ms',
    ipp,
    '≥ 6×',
    (p) => p.direct,
    (o) => o.direct,
    true,
  ),
  row(
    'push 16 MiB to 4 engines, this host',
    'MiB/s',
    ipp,
    '≥ 4×',
    (p) => p.push,
    (o) => o.push,
    false,
  ),
  row(
    'push 16 MiB to 4 engines, client over TLS',
    'MiB/s',
    ipp,
    '≥ 1×',
    (p) => p.push,
    (o) => o.pushTls,
    false,
  ),
  row(
    'controller, idle with 4 engines: RSS',
    'MB',
    ipp,
    '≥ 6×',
    (p) => p.idle.controller.rss,
    (o) => o.idle.controller.rss,
    true,
  ),
  row(
    'controller, idle with 4 engines: PSS',
    'MB',
    ipp,
    '',
    (p) => p.idle.controller.pss,
    (o) => o.idle.controller.pss,
    true,
  ),
  row(
    'controller, after load: RSS',
    'MB',
    ipp,
    '',
    (p) => p.loaded.controller.rss,
    (o) => o.loaded.controller.rss,
    true,
  ),
  row(
    'engine and its share, idle: RSS',
    'MB',
    ipp,
    '≥ 2×',
    (p) => p.idle.engine.rss,
    (o) => o.idle.engine.rss,
    true,
  ),
  row(
    'engine and its share, idle: PSS',
    'MB',
    ipp,
    '',
    (p) => p.idle.engine.pss,
    (o) => o.idle.engine.pss,
    true,
  ),
  row(
    'engine and its share, after load: RSS',
    'MB',
    ipp,
    '',
    (p) => p.loaded.engine.rss,
    (o) => o.loaded.engine.rss,
    true,
  ),
  row(
    'map of 2,000 × true',
    's',
    'GNU parallel',
    '> 1×',
    (p) => p.parallel,
    (o) => o.map,
    true,
  ),
  row(
    'map of 2,000 × true',
    's',
    'xargs -P2',
    '≥ 0.33×',
    (p) => p.xargs,
    (o) => o.map,
    true,
  ),
];

const table = [['what', 'peer', 'theirs', 'ours', 'ratio', 'goal'], ...rows];
const widths = table[0].map((_unused, column) => Math.max(...table.map((cells) => cells[column].length)));
for (const cells of table)
  process.stdout.write(
    `${cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd()}\n`,
  );
process.stdout.write(`medians of ${rounds} rounds; node ${process.version}, ${process.platform}\n`);
