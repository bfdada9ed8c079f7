import { randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { messageOf } from '../../base/errors.js';
import { Timer } from '../../base/timer.js';
import { type Bound, deferred } from '../../base/wait.js';
import { socketPath } from '../../launcher-kit/meeting.js';
import { openTool, runTool } from '../../processes/tool.js';
import { type Configuration, hostWords } from './configuration.js';
import type { Connection, Target } from './connection.js';
import { hostError } from './failures.js';
import { failureOf, type Hop, wayCommand } from './hops.js';
import type { Host } from './hosts.js';
import { passphraseHelper } from './passphrase-helper.js';
import { forAnyShell, isWhole } from './scripts.js';

/**
 * What every call of ours says: nobody is asked, and no host key is taken unseen, whatever the user's
 * configuration allows.
 */
const strict = [
  ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'UpdateHostKeys=no'],
  ...['-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=3', '-T'],
  // What it says is what we go by: a configuration may make it silent, or talkative.
  ...['-o', 'LogLevel=INFO'],
];
/**
 * Forwards of the user's own configuration are not ours to open, neither by the master nor by who goes
 * through it.
 */
const noForwards = ['-o', 'ClearAllForwardings=yes'];
const ready = 'ipcluster-ready';

/** A host, and the way there. */
export interface Goal {
  host: Host;
  configuration: Configuration;
  hops: readonly Hop[];
  /** A configuration file in place of the user's and the system's. */
  file: string | undefined;
}

/**
 * Opens a connection with the system's own ssh: a master that all later calls go through (ControlMaster), the
 * user's own where one is open. Throws {@link HostError}.
 */
export async function openWithSystem(goal: Goal, bound: Bound): Promise<Connection> {
  const { host, configuration, file } = goal;
  const words = [...configuration.overrides, ...hostWords(host, file)];
  // Among our other sockets, where a dead one is found and removed.
  const seed = randomUUID();
  const control = ['-o', `ControlPath=${configuration.master ?? socketPath(seed)}`];
  let closed = deferred<string>();
  let stop = (): void => {};
  for (let tries = 3; configuration.master === undefined; tries--) {
    closed = deferred<string>();
    try {
      stop = await openMaster(goal, words, control, bound, closed.resolve);
      break;
    } catch (error) {
      // Another program of ours has ended meanwhile and taken the folder along, which was empty.
      if (tries === 1 || !/cannot bind to path .*No such file/.test(messageOf(error))) throw error;
      socketPath(seed);
    }
  }
  const call = (args: readonly string[], time: number, input?: string) =>
    runTool({
      argv: ['ssh', ...strict, '-o', 'ControlMaster=no', ...control, ...args],
      env: process.env,
      timeout: time,
      input,
      isWhole: input === undefined ? undefined : isWhole,
    });
  return {
    closed: closed.promise,
    async run(script, time) {
      const outcome = await call([...noForwards, ...words, '/bin/sh -s'], time, forAnyShell(script));
      if (outcome.code === 255) throw hostError(outcome.stderr || 'Connection lost');
      return outcome;
    },
    async forward(port: number, target: Target) {
      const { code, stdout, stderr } = await call(
        // The master is named by its path, and a configuration would bring forwards of its own.
        [
          '-O',
          'forward',
          '-R',
          `127.0.0.1:${port}:${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`,
          ...hostWords(host, 'none'),
        ],
        15_000,
      );
      const bound = Number(/\d+/.exec(stdout)?.[0] ?? port);
      if (code !== 0 || bound === 0) throw hostError(`remote port forwarding failed: ${stderr}`);
      return bound;
    },
    async close() {
      stop();
      if (configuration.master !== undefined) closed.resolve('closed');
      await closed.promise;
    },
  };
}

/** Starts the master and waits until it is let in; answers how to end it. */
async function openMaster(
  { configuration, hops, file }: Goal,
  words: readonly string[],
  control: readonly string[],
  { timeout, signal }: Bound,
  onEnd: (said: string) => void,
): Promise<() => void> {
  const opened = deferred<void>();
  const helper = await passphraseHelper([configuration, ...hops.map((hop) => hop.configuration)]);
  const wait = Math.max(1, Math.ceil(timeout / 1000));
  // Each host on the way is told the same, and has a connection of its own. Who is behind one that hangs
  // waits longer than it.
  const way = wayCommand(
    hops,
    [...helper.args, ...strict, '-o', 'ControlMaster=no', '-o', 'ControlPath=none'],
    wait,
    file,
  );
  const argv = [
    // ssh takes the first value that it is given.
    ...(['ssh', ...helper.args, ...strict, ...noForwards] as const),
    ...[
      '-o',
      'ControlMaster=yes',
      ...control,
      '-o',
      'ControlPersist=no',
      '-o',
      `ConnectTimeout=${wait + hops.length}`,
    ],
    ...(way === undefined ? [] : ['-o', `ProxyCommand=${way}`]),
    // The shell there may not do what it is told, but put another one in its place: ssh says it here as well.
    ...['-o', 'PermitLocalCommand=yes', '-o', `LocalCommand=echo ${ready}`],
    // Says when we are let in, and ends when this program does, so that no master is ever left alone.
    ...[...words, `echo ${ready}; exec cat >/dev/null`],
  ] as const;
  const tool = openTool({
    argv,
    env: { ...process.env, ...helper.env },
    onOutput: (text) => void (text.includes(ready) && opened.resolve()),
  });
  signal?.addEventListener('abort', tool.stop);
  if (signal?.aborted) tool.stop();
  const limit = new Timer(timeout + 2000 + hops.length * 1000, () => {
    tool.stop();
    opened.reject(hostError('Connection timed out'));
  });
  void tool.ended.then((said) => {
    opened.reject(failureOf([...helper.said, said || 'Connection closed'].join('\n'), hops));
    onEnd(said.replaceAll(ready, '').trim());
  });
  try {
    await opened.promise;
  } finally {
    limit.end();
    signal?.removeEventListener('abort', tool.stop);
    helper.remove();
  }
  return tool.stop;
}
