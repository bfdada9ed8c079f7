import { open } from 'node:fs/promises';
import { Command, Flags } from '@oclif/core';
import { IpclusterError } from '../base/errors.js';
import { lastLines } from '../base/files.js';
import { parseCount } from '../base/quantities.js';
import { sleep } from '../base/wait.js';
import { logFiles } from '../cluster/logs.js';
import { clusterStatus } from '../cluster/status.js';
import { pathsOf } from '../profile/paths.js';
import { commonFlags, interruption, placeOf, print } from './shared.js';

export default class Logs extends Command {
  static override summary = 'show the last lines of the logs';
  static override flags = {
    engine: Flags.string({
      char: 'e',
      description: "an engine's own output, by id; without it controller and supervisors",
      helpValue: 'ID',
    }),
    lines: Flags.string({ default: '20', description: 'how many lines of each', helpValue: 'N' }),
    follow: Flags.boolean({ char: 'f', description: 'go on as lines come, until Ctrl-C' }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Logs);
    const place = placeOf(flags);
    const count = parseCount(flags.lines, '--lines');
    const engine = flags.engine === undefined ? undefined : parseCount(flags.engine, '--engine');
    const present = engine === undefined ? await logFiles(place) : [await engineLog(place, engine)];
    if (present.length === 0)
      throw new IpclusterError('NOT_FOUND', `There is no log in ${pathsOf(place).jobs}.`);
    const logs = await Promise.all(
      present.map(async (file) => ({ file, lines: await lastLines(file, count) })),
    );
    const text = logs.map(({ file, lines }) => [`==> ${file}`, ...lines].join('\n')).join('\n');
    print(flags.json, { logs }, text);
    if (flags.follow) await Promise.all(present.map((file) => follow(file, interruption())));
  }
}

async function engineLog(place: Parameters<typeof clusterStatus>[0], id: number): Promise<string> {
  const engine = (await clusterStatus(place)).engines.find((candidate) => candidate.id === id);
  if (!engine) throw new IpclusterError('NOT_FOUND', `There is no engine ${id}.`);
  if (engine.log !== null) return engine.log;
  throw new IpclusterError(
    'NOT_FOUND',
    `Engine ${id} was started by hand, and its output is where that was done.`,
  );
}

async function follow(file: string, signal: AbortSignal): Promise<void> {
  const handle = await open(file, 'r');
  let { size: position } = await handle.stat();
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    if (bytesRead > 0) process.stdout.write(buffer.subarray(0, bytesRead));
    else await sleep(200, signal);
  }
}
