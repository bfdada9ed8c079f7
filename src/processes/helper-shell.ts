import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { quoteCommand, quoteWord, toBytes } from '../base/shell.js';
import { Timer } from '../base/timer.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { CommandEnd, RunningCommand } from './command.js';
import { oomScores, setOomScore } from './environment.js';
import { signalPid } from './table.js';

/** A command whose output is wanted at its end only. */
export interface QuietCommand {
  argv: readonly string[];
  env: Record<string, string>;
  cwd: string;
  /** Milliseconds; 0 is no limit. */
  timeLimit: number | undefined;
  /** Bytes of each output that are kept. */
  keep: number;
}

/** How it ended, with all that it wrote. */
export interface QuietEnd extends CommandEnd {
  stdout: Buffer;
  stderr: Buffer;
  /** True when there was more. */
  truncated: boolean;
}

/**
 * Starts commands from a small shell instead of from this process: a fork costs what the forking process has in memory, and an
 * engine may have gigabytes (docs/decisions/0006). One command at a time; shell and command are one process group.
 */
export class HelperShell {
  readonly #env: NodeJS.ProcessEnv;
  readonly #files: { stdout: string; stderr: string };
  #shell: ChildProcess | undefined;
  #waiting: Deferred<CommandEnd> | undefined;

  /** Output goes through files in that folder, under a name that is nobody else's. */
  constructor(folder: string, name: string, env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#files = { stdout: join(folder, `${name}.stdout`), stderr: join(folder, `${name}.stderr`) };
  }

  /** Starts a command. `ended` rejects with USAGE when there is no such program or folder. */
  start({ argv, env, cwd, timeLimit, keep }: QuietCommand): RunningCommand<QuietEnd> {
    checkCommand(argv[0] ?? '', cwd, env['PATH'] ?? this.#env['PATH'] ?? '');
    const shell = this.#open();
    const waiting = deferred<CommandEnd>();
    this.#waiting = waiting;
    const exports = Object.entries(env).map(([key, value]) => `export ${key}=${quoteWord(value)}; `);
    const { stdout, stderr } = this.#files;
    const line = `(${exports.join('')}cd ${quoteWord(cwd)} && exec ${quoteCommand(argv)}) </dev/null >${quoteWord(stdout)} 2>${quoteWord(stderr)} 3>&-; echo $? >&3\n`;
    shell.stdin?.write(toBytes(line));
    let timedOut = false;
    const limit = timeLimit ? new Timer(timeLimit, onLimit) : undefined;
    const stop = (): void => this.#stop(shell);
    function onLimit(): void {
      timedOut = true;
      stop();
    }
    const ended = waiting.promise
      .then((end): QuietEnd => {
        const [out, err] = [readOutput(stdout, keep), readOutput(stderr, keep)];
        return { ...end, timedOut, stdout: out.bytes, stderr: err.bytes, truncated: out.truncated || err.truncated };
      })
      .finally(() => limit?.end());
    return { ended, stop };
  }

  /** Ends the shell and removes its files. */
  close(): void {
    if (this.#shell) this.#stop(this.#shell);
    for (const file of Object.values(this.#files)) rmSync(file, { force: true });
  }

  /** The whole group: SIGTERM, and SIGKILL two seconds later. The next command gets a new shell. */
  #stop({ pid }: ChildProcess): void {
    if (pid === undefined) return;
    signalPid(-pid, 'SIGTERM');
    setTimeout(() => signalPid(-pid, 'SIGKILL'), 2000).unref();
  }

  #open(): ChildProcess {
    if (this.#shell) return this.#shell;
    const shell = spawn('/bin/sh', [], { env: this.#env, detached: true, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    this.#shell = shell;
    if (shell.pid !== undefined) setOomScore(shell.pid, oomScores.task);
    shell.stdin?.on('error', () => {});
    shell.stdio[3]?.on('data', (chunk: Buffer) => {
      // A shell says 128 + n both for signal n and for that exit code; it is passed on as it says it.
      this.#waiting?.resolve({ exitCode: Number(String(chunk)), signal: null, timedOut: false });
    });
    shell.once('exit', (exitCode, signal) => {
      if (this.#shell === shell) this.#shell = undefined;
      this.#waiting?.resolve({ exitCode, signal, timedOut: false });
    });
    return shell;
  }
}

/** So much may stay on the disk until the next command (bytes). */
const smallOutput = 1 << 20;

/** What a command wrote, up to so many bytes. */
function readOutput(path: string, keep: number): { bytes: Buffer; truncated: boolean } {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.allocUnsafe(Math.min(size, keep));
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, length);
    if (size > smallOutput) ftruncateSync(file, 0);
    return { bytes: bytes.subarray(0, length), truncated: size > keep };
  } finally {
    closeSync(file);
  }
}

/** What the shell would only mumble about. */
function checkCommand(program: string, cwd: string, path: string): void {
  const refuse = (why: string): never => {
    throw new IpclusterError('USAGE', `The command ${program} cannot be started: ${why}`);
  };
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) refuse(`there is no folder ${cwd}`);
  const candidates = program.includes('/')
    ? [program.startsWith('/') ? program : join(cwd, program)]
    : path.split(':').map((folder) => join(folder, program));
  if (!candidates.some(isExecutable)) refuse('there is no such program');
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
