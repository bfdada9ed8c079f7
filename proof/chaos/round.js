// One round, the second process of name spaces of its own: node round.js {schedule, folder, settle, keep}.
// Writes its row as JSON.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.js';
import { Crew } from './crew.js';
import { play } from './faults.js';
import { judge, owed, readClient, readRuns } from './invariants.js';
import { chance } from './random.js';
import { now, World } from './world.js';

const { schedule, folder, settle, keep } = JSON.parse(process.argv[2]);
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const tell = (text) =>
  process.stderr.write(`seed ${schedule.seed}, ${((now() - round.begin) / 1000).toFixed(1)} s: ${text}\n`);
const world = new World({ folder, proofs: import.meta.dirname, seed: schedule.seed, disk: schedule.disk });
const played = [];
const cluster = new Cluster(world, schedule, played);
let beQuiet;
const round = { world, cluster, played, quiet: new Promise((done) => (beQuiet = done)) };

/** Controllers that are gone although nobody has killed them. */
function watchControllers(fell) {
  const alive = new Set();
  return setInterval(() => {
    const there = new Set(
      world
        .processes()
        .filter(({ role }) => role === 'controller')
        .map(({ pid }) => pid),
    );
    for (const pid of alive) {
      if (there.has(pid)) continue;
      alive.delete(pid);
      const ended = round.played.some(
        ({ kind, pids }) => /^(kill|term) controller/.test(kind) && pids.includes(pid),
      );
      if (!ended && !round.over)
        fell.push(`the controller (pid ${pid}) ended by itself at ${now() - round.begin} ms`);
    }
    for (const pid of there) alive.add(pid);
  }, 100);
}

/** Asks what users ask meanwhile. */
async function ask() {
  const draw = chance(schedule.seed + 1);
  while (!round.over) {
    await cluster.run(
      ...draw.pick([['status'], ['why'], ['ps'], ['list'], ['status', '--json'], ['exec', '1+1'], ['logs']]),
    );
    await sleep(draw.between(500, 2500));
  }
}

/** Plays all faults in their time, then waits until each is undone. */
async function playAll() {
  const playing = schedule.faults.map(async (fault) => {
    await sleep(Math.max(0, fault.at - (now() - round.begin)));
    await play(fault, round);
  });
  await sleep(schedule.seconds * 1000);
  beQuiet();
  await Promise.all(playing);
  for (const { pid, stopped } of world.processes()) if (stopped) process.kill(pid, 'SIGCONT');
}

/** A controller and engines are there again; what was accepted is asked for by who comes later. */
async function collect(crew) {
  const clients = crew
    .logs()
    .filter((path) => existsSync(path))
    .map(readClient);
  const list = join(world.journal, 'owed.json');
  const wanted = owed(clients);
  writeFileSync(list, JSON.stringify(wanted));
  if (wanted.length === 0) return { clients, stored: [] };
  const text = await crew.program('collector.js', {
    list,
    file: join(cluster.security, 'ipcontroller-client.json'),
    bound: 60_000,
  });
  return {
    clients,
    stored: text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  };
}

/** The controller's memory beside that of a fresh one on the same store. */
async function compareMemory() {
  const used = await cluster.memoryAtRest(settle);
  // What a round has stored may fill its small disk; that is not what is measured here.
  world.growDisk();
  await cluster.restart();
  const fresh = await cluster.memoryAtRest(settle);
  return { used, fresh, ratio: used / fresh };
}

/** What is still there after `stop`. */
async function leave() {
  await cluster.run('stop');
  for (let tries = 0; tries < 100 && world.processes().length > 0; tries++) await sleep(100);
  return [
    ...world.processes().map(({ pid, command }) => `process ${pid}: ${command.slice(0, 100)}`),
    ...world.remains(),
  ];
}

function logsOf() {
  const all = [world.work, '/mnt/logs'].flatMap((base) =>
    readdirSync(base, { recursive: true }).map((name) => join(base, String(name))),
  );
  return all
    .filter((path) => /(\.log(\.\d+)?|stdout|stderr)$/.test(path) && existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

const fell = [];
await cluster.start();
round.begin = now();
const watching = watchControllers(fell);
const crew = new Crew(world, cluster, schedule);
cluster.tend();
const asking = ask();
await playAll();
tell('quiet');
round.over = true;
await asking;
await cluster.mend();
tell('the cluster is whole');
const finished = await crew.finish();
fell.push(...finished);
tell('clients have ended');
const { clients, stored } = await collect(crew);
tell(`${stored.length} answers of others were looked for`);
round.stopping = true;
clearInterval(watching);
const memory = settle > 0 ? await compareMemory() : undefined;
const left = await leave();
const excused = round.played.some(({ kind }) => kind === 'delete write-ahead log');
const { lease } = schedule;
const facts = {
  clients,
  runs: readRuns(world.journal),
  played: round.played,
  lease,
  stored,
  said: cluster.said,
  late: cluster.late,
  left,
  fell,
  memory,
  excused,
  logs: logsOf(),
};
const judged = judge(facts);
const right = Object.values(judged.broken).every(({ length }) => length === 0);
const row = { seed: schedule.seed, ...judged, megabytes: memory, right };
if (keep && !row.right) {
  const place = join(keep, `seed-${schedule.seed}-${Date.now()}`);
  mkdirSync(place, { recursive: true });
  for (const name of ['logs', 'journal', 'work'])
    cpSync(join('/mnt', name), join(place, name), { recursive: true });
  writeFileSync(
    join(place, 'round.json'),
    JSON.stringify(
      { schedule, begin: round.begin, row, played: round.played, said: cluster.said, stored },
      undefined,
      1,
    ),
  );
  tell(`kept in ${place}`);
}
process.stdout.write(`${JSON.stringify(row)}\n`, () => process.exit(0));
