import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { messageOf } from '../../base/errors.js';
import { readJsonIfWhole, writeWhole } from '../../base/files.js';
import { LogFile } from '../../base/log-file.js';
import { runProgram } from '../../base/program.js';
import { sleep, within } from '../../base/wait.js';
import { leaveSocketFolders, type Meeting } from '../../launcher-kit/meeting.js';
import type { Connection, Target } from './connection.js';
import { asHostError } from './failures.js';
import { ask } from './look.js';
import { Opener, type OpenOptions } from './opener.js';
import { stateScript } from './scripts.js';
import { readSeating, type Seat } from './seats.js';
import { type Answer, answerFile, type Wish, wishFile } from './tunnels.js';

/*
 * keeper JOB_FOLDER: keeps the tunnels of a job's hosts, and makes each again under the same port when its
 * connection breaks. It ends when the controller has taken its connection file away, or when all those hosts'
 * parts of the job are over.
 */

/**
 * How often it is looked whether the controller is still wanted, and whether the host's part of the job lives
 * (milliseconds).
 */
const lookInterval = 500;
const seatInterval = 30_000;
/** Those at the other end get so long to hear that it is the end (milliseconds). */
const farewell = 1000;
const firstPause = 200;
const longestPause = 10_000;

const output = new LogFile(1);

/** The first address of the controller that can be reached from here. */
async function findTarget({ addresses, port }: Meeting): Promise<Target> {
  for (const host of addresses) if (await answers({ host, port })) return { host, port };
  return { host: addresses[0] ?? '127.0.0.1', port };
}

function answers(target: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: 3000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    for (const event of ['error', 'timeout']) socket.once(event, () => end(false));
  });
}

/** Resolves when the connection is over, or the host's part of the job. */
async function watch(connection: Connection, seat: Seat): Promise<'connection' | 'job'> {
  const over = connection.closed.then(() => 'connection' as const);
  for (;;) {
    const first = await within(over, seatInterval);
    if (first) return first;
    const said = await ask(connection, stateScript(seat)).catch(() => undefined);
    if (said?.get('alive') === 'no') return 'job';
  }
}

/** Keeps one tunnel, until the host's part of the job is over or the tunnel never came to be. */
async function keep(
  jobDir: string,
  seat: Seat,
  target: Target,
  options: OpenOptions,
  open: Set<Opener>,
): Promise<void> {
  const tell = (answer: Answer): void =>
    writeWhole(answerFile(jobDir, seat.index), `${JSON.stringify(answer)}\n`);
  const log = (said: string): void =>
    void output.write(`${new Date().toISOString()} ${seat.host.word}: ${said}\n`);
  let port = 0;
  for (let pause = firstPause; ; pause = Math.min(longestPause, pause * 2)) {
    const opener = new Opener(options);
    open.add(opener);
    try {
      const connection = await opener.open(seat.host);
      const bound = await connection.forward(port, target);
      if (port === 0) tell({ port: bound });
      [port, pause] = [bound, firstPause];
      log(`port ${port} leads to ${target.host}:${target.port}`);
      if ((await watch(connection, seat)) === 'job') return;
      log('the connection is over');
    } catch (error) {
      log(messageOf(error));
      if (port === 0) return tell({ verdict: asHostError(error).verdict });
    } finally {
      await opener.close();
      open.delete(opener);
    }
    await sleep(pause);
  }
}

async function main(jobDir: string): Promise<void> {
  const { seats, meeting, file } = (await readJsonIfWhole(wishFile(jobDir))) as Wish;
  const options = readSeating(jobDir)?.options;
  if (!options) throw new Error(`${jobDir} has no hosts.json`);
  const target = await findTarget(meeting);
  const open = new Set<Opener>();
  const kept = Promise.all(seats.map((seat) => keep(jobDir, seat, target, options, open)));
  let over = false;
  void kept.then(() => {
    over = true;
  });
  while (!over && existsSync(file)) await sleep(lookInterval);
  if (!over) await sleep(farewell);
  await Promise.all([...open].map((opener) => opener.close()));
  await leaveSocketFolders();
  process.exit(0);
}

runProgram('keeper', () => main(process.argv[2] ?? ''));
