// The table of all rounds.

const invariants = ['lost', 'wrong', 'hanging', 'twice', 'left', 'ugly', 'untrue', 'fell'];
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Names with how often each is there: `3 kill engine, 1 fill disk`. */
function counted(names) {
  const counts = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

const errorsOf = (errors = {}) =>
  Object.entries(errors)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ') || '–';

/** One row for each seed, and one for all. */
export function tableOf(rows) {
  const head = [
    'seed',
    'faults',
    'requests',
    'right',
    'errors',
    'second runs explained',
    ...invariants,
    'memory',
    'as it must be',
  ];
  const of = (row) => [
    row.seed,
    counted(row.faults.map(({ kind }) => kind)),
    row.requests ?? '–',
    row.ok ?? '–',
    errorsOf(row.errors),
    row.doubles ?? '–',
    ...invariants.map((name) => row.broken[name]?.length ?? '–'),
    row.memory ? `${row.memory.toFixed(2)}×` : '–',
    row.right ? 'yes' : 'NO',
  ];
  const errors = {};
  for (const row of rows)
    for (const [name, count] of Object.entries(row.errors ?? {})) errors[name] = (errors[name] ?? 0) + count;
  const sum = (pick) => rows.reduce((total, row) => total + (pick(row) ?? 0), 0);
  const most = Math.max(...rows.map(({ memory }) => memory ?? 0));
  const total = [
    'all',
    `${sum(({ faults }) => faults.length)} faults`,
    sum(({ requests }) => requests),
    sum(({ ok }) => ok),
    errorsOf(errors),
    sum(({ doubles }) => doubles),
    ...invariants.map((name) => sum(({ broken }) => broken[name]?.length)),
    most ? `${most.toFixed(2)}× at most` : '–',
    rows.every(({ right }) => right) ? 'yes' : 'NO',
  ];
  const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  return `${[line(head), `|${'---|'.repeat(head.length)}`, ...rows.map((row) => line(of(row))), line(total)].join('\n')}\n`;
}
