// Stands in for OpenPBS, Torque and LSF, which no package brings: it queues, runs and ends scripts for real,
// and answers as those systems' recorded outputs do. node scheduler.js SYSTEM STATE COMMAND [ARGUMENTS]; the
// state is a folder.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants, userInfo } from 'node:os';
import { join } from 'node:path';
import { systems } from './systems.js';

const [, self, system, state, command, ...words] = process.argv;
const jobsFolder = join(state, 'jobs');
mkdirSync(jobsFolder, { recursive: true });

/** What a test wants to go wrong: a file `behave.json` in the state folder. */
const behave = () =>
  existsSync(join(state, 'behave.json')) ? JSON.parse(readFileSync(join(state, 'behave.json'), 'utf8')) : {};

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** One element of a job, or the whole of one that is no array. */
const fileOf = (number, element) =>
  join(jobsFolder, `${number}${element === null ? '' : `-${element}`}.json`);

function save(job) {
  const path = fileOf(job.number, job.element);
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(job));
  renameSync(`${path}.${process.pid}`, path);
}

const load = (number, element = null) => JSON.parse(readFileSync(fileOf(number, element), 'utf8'));

/** All elements of all jobs, in order of submission. */
function all() {
  const names = readdirSync(jobsFolder).filter((name) => /^\d+(-\d+)?\.json$/.test(name));
  return names
    .map((name) => JSON.parse(readFileSync(join(jobsFolder, name), 'utf8')))
    .sort((a, b) => a.number - b.number || (a.element ?? 0) - (b.element ?? 0));
}

/** Writes the script under the next number, which nobody else gets: two may submit at once. */
function claim(script) {
  for (let number = Math.max(0, ...all().map((job) => job.number)) + 1; ; number++) {
    try {
      writeFileSync(join(jobsFolder, `${number}.sh`), script, { mode: 0o700, flag: 'wx' });
      return number;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/** Puts a script into the queue; answers its number. */
function submit({ script, name, chunks, array, seconds, extra = {} }) {
  const number = claim(script);
  const elements = array
    ? Array.from({ length: array.last - array.first + 1 }, (_unused, index) => array.first + index)
    : [null];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => /^(PATH|HOME|USER|LOGNAME|LANG)$/.test(key)),
  );
  for (const element of elements) {
    save({
      number,
      element,
      name,
      chunks,
      seconds,
      env,
      state: 'queued',
      exit: null,
      told: null,
      owner: process.env.USER ?? 'user',
      ...extra,
    });
    spawn(process.execPath, [self, system, state, 'run', String(number), String(element ?? '')], {
      detached: true,
      stdio: 'ignore',
    }).unref();
  }
  return number;
}

/**
 * The life of one element: waits for its turn, runs, is ended by its time or by an order, and is written
 * down.
 */
async function run(number, element) {
  // The daemon of a host is what a job's script has for a parent.
  process.title = 'pbs_mom';
  await sleep(100);
  while (behave().hold && load(number, element).state === 'queued') await sleep(100);
  const job = load(number, element);
  if (job.state !== 'queued') return;
  // No host can start it: it stays in the queue until it is deleted.
  if (behave().unstartable)
    return save({ ...job, state: 'held', comment: 'job held, too many failed attempts to run' });
  // Four hosts of sixteen places each; chunks go where there is room.
  const hostOf = (index) => (job.scatter ? index % 4 : Math.floor(index / (job.hostSize ?? 16)));
  const hosts = job.chunks.flatMap((size, index) =>
    Array.from({ length: size }, () => `node${hostOf(index) + 1}`),
  );
  const log = join(jobsFolder, `${number}${element === null ? '' : `-${element}`}`);
  writeFileSync(`${log}.hosts`, `${hosts.join('\n')}\n`);
  const env = {
    ...job.env,
    ...systems[system].environment({
      ...job,
      hosts,
      hostFile: `${log}.hosts`,
      id: systems[system].idOf(job),
    }),
  };
  const program = ['/bin/bash', ...(systems[system].outerShell ?? []), join(jobsFolder, `${number}.sh`)];
  const [first, ...rest] = behave().ownNames ? [...underName(hosts[0]), ...program] : program;
  const child = spawn(first, rest, {
    detached: true,
    stdio: 'ignore',
    env,
    cwd: job.env.HOME ?? '/',
  });
  save({ ...job, state: 'running', hosts, pid: child.pid, started: Date.now() });
  // Looked at again and again: an administrator may move it.
  const begin = Date.now();
  const limit = setInterval(() => {
    const { seconds, told } = load(number, element);
    if (seconds && !told && Date.now() - begin >= seconds * 1000) void end(number, element, 'limit');
  }, 200);
  const exit = await new Promise((done) =>
    child.once('close', (code, signal) => done(code ?? 256 + constants.signals[signal])),
  );
  clearInterval(limit);
  await endSession(child.pid, load(number, element).told ? orderGrace : signalGrace);
  const last = load(number, element);
  if (last.told === 'rerun') return again(last);
  save({
    ...last,
    state: 'ended',
    exit: last.told === 'limit' ? -29 : last.told === 'delete' && exit !== 0 ? 271 : exit,
  });
}

/**
 * What is left of a session whose first process has ended has so long for its last words (milliseconds):
 * after an order, after a signal.
 */
const orderGrace = 2000;
const signalGrace = 500;

/** The end of a session's first process is the end of the job: what else is in it is killed. */
async function endSession(session, grace) {
  for (let waited = 0; waited < grace && sends(session, 0); waited += 50) await sleep(50);
  sends(session, 'SIGKILL');
}

/** Sends a signal to a whole session; false where nothing of it is left. */
function sends(session, signal) {
  try {
    return process.kill(-session, signal);
  } catch {
    return false;
  }
}

/** Ends what runs: TERM for the whole session, KILL for what is left after two seconds. */
async function end(number, element, told) {
  const job = load(number, element);
  if (job.state === 'queued' || job.state === 'held')
    return save({ ...job, state: 'ended', told, exit: null });
  if (job.state !== 'running' && job.state !== 'suspended') return;
  save({ ...job, told });
  sends(job.pid, 'SIGTERM');
  for (let waited = 0; waited < orderGrace && load(number, element).state === 'running'; waited += 50)
    await sleep(50);
  sends(job.pid, 'SIGKILL');
}

/** The command that runs another with a host's name of its own, as the same user. */
function underName(host) {
  const { uid, gid } = userInfo();
  const own = `hostname "$0" && exec unshare -U --map-user=${uid} --map-group=${gid} "$@"`;
  return ['unshare', '-U', '-r', '--uts', 'sh', '-c', own, host];
}

/** Puts a job that was ended for that into the queue again. */
function again({ number, element, runs = 1, ...job }) {
  save({ ...job, number, element, runs: runs + 1, state: 'queued', told: null, exit: null });
  spawn(process.execPath, [self, system, state, 'run', String(number), String(element ?? '')], {
    detached: true,
    stdio: 'ignore',
  }).unref();
}

/** Changes what a job has. */
const alter = ({ number, element }, change) => save({ ...load(number, element), ...change });

/** Stops or continues all processes of a job: PBS suspends a running job (state S), and lets it go on. */
async function suspend(number, element, on) {
  const job = load(number, element);
  save({ ...job, state: on ? 'suspended' : 'running' });
  process.kill(-job.pid, on ? 'SIGSTOP' : 'SIGCONT');
}

if (command === 'run') await run(Number(words[0]), words[1] === '' ? null : Number(words[1]));
else {
  const wish = behave();
  if (wish.hang?.includes(command)) await sleep(600_000);
  if (wish.down) {
    process.stderr.write(systems[system].down(command));
    process.exit(systems[system].downCode ?? 255);
  }
  const input = () => readFileSync(0, 'utf8');
  const {
    out = '',
    err = '',
    code = 0,
  } = await systems[system].answer(command, words, { all, submit, end, alter, suspend, input, wish });
  // An answer that is lost on its way; that a tool is there it says by itself.
  const isLost = wish.lose === command && !words.some((word) => /^(--version|-V)$/.test(word));
  process.stdout.write((wish.banner?.[command] ?? '') + (isLost ? '' : out));
  process.stderr.write(isLost ? systems[system].down(command) : err);
  process.exitCode = isLost ? 1 : code;
}
