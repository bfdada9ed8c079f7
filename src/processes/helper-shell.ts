import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { isFolder } from '../base/current-folder.js';
import { IpclusterError, systemFault } from '../base/errors.js';
import { isShellName, quoteCommand, quoteWord, toBytes } from '../base/shell.js';
import { type Deferred, deferred, sleep } from '../base/wait.js';
import { type CommandEnd, limitTime, type RunningCommand } from './command.js';
import { oomScores } from './environment.js';
import { OutputFile } from './output-file.js';
import { spawnProcess } from './spawn.js';
import { signalPid } from './table.js';

/** A command whose output is wanted at its end only. */
export interface QuietCommand {
  argv: readonly string[];
  env: Record<string, string>;
  /** An absolute path. */
  cwd: string;
  timeLimit: number | undefined;
}

/** How it ended, and what it wrote; whoever gets them closes the files. */
export interface QuietEnd extends CommandEnd {
  files: { stdout: OutputFile; stderr: OutputFile };
}

/** A shell that cannot fork ends; so often another one is tried, with pauses between (milliseconds). */
const tries = 5;
const pauseOf = (round: number): number => 50 * 2 ** round;

/**
 * Starts commands from a small shell instead of from this process: a fork costs what the forking process has
 * in memory, and an engine may have gigabytes (docs/decisions/0006). One command at a time; shell and command
 * are one process group. A shell that failed is replaced (docs/decisions/0018).
 */
export class HelperShell {
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  #shell: Shell | undefined;

  /** Output goes through files in that folder, which have no names there. */
  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#folder = folder;
  }

  /**
   * Starts a command. `ended` rejects with USAGE when there is no such program or folder, and with SYSTEM
   * when the system has no more processes or descriptors for it.
   */
  start(command: QuietCommand): RunningCommand<QuietEnd> {
    const { argv, cwd, env } = command;
    checkCommand(argv[0] ?? '', cwd, env['PATH'] ?? this.#env['PATH'] ?? '');
    let [stopped, timedOut] = [false, false];
    const stop = (): void => {
      stopped = true;
      this.#drop();
    };
    const limit = limitTime(command.timeLimit, () => {
      timedOut = true;
      stop();
    });
    const run = async (): Promise<QuietEnd> => {
      for (let round = 0; ; round++) {
        const end = await this.#try(command, () => stopped);
        if (end) return { ...end, timedOut };
        if (round === tries) throw systemFault(`${argv[0]} cannot be started`, { code: 'EAGAIN' });
        await sleep(pauseOf(round));
      }
    };
    return { ended: run().finally(() => limit?.end()), stop };
  }

  /** Ends the shell and what it runs. */
  close(): void {
    this.#drop();
  }

  /** Undefined when the shell ended before the command had begun: it could not fork. */
  async #try({ argv, env, cwd }: QuietCommand, stopped: () => boolean): Promise<QuietEnd | undefined> {
    const files = this.#openFiles(argv[0] ?? '');
    try {
      this.#shell ??= await Shell.open(this.#env);
      const shell = this.#shell;
      const end = stopped()
        ? { begun: true, exitCode: null, signal: 'SIGTERM' as const }
        : await shell.run(lineOf(argv, env, cwd, files));
      if (shell.isOver) this.#drop(shell);
      const { begun, ...rest } = end;
      if (begun || stopped()) return { ...rest, timedOut: false, files };
    } catch (error) {
      closeAll(files);
      throw error;
    }
    const said = files.stderr.read(0, 1000).toString().trim();
    closeAll(files);
    if (said === '') return undefined;
    throw new IpclusterError('USAGE', `The command ${argv[0]} cannot be started: ${said}`);
  }

  #openFiles(program: string): QuietEnd['files'] {
    const opened: OutputFile[] = [];
    try {
      opened.push(new OutputFile(this.#folder));
      opened.push(new OutputFile(this.#folder));
    } catch (error) {
      for (const file of opened) file.close();
      throw systemFault(
        `${program} cannot be started: there is no place for its output in ${this.#folder}`,
        error,
      );
    }
    return { stdout: opened[0] as OutputFile, stderr: opened[1] as OutputFile };
  }

  /** The next command gets a new shell. */
  #drop(shell = this.#shell): void {
    if (this.#shell === shell) this.#shell = undefined;
    shell?.stop();
  }
}

function closeAll({ stdout, stderr }: QuietEnd['files']): void {
  stdout.close();
  stderr.close();
}

/**
 * How a command ended, and whether it had begun at all. A shell that ends by itself had no process for the
 * command: what the command does to it is a signal.
 */
type ShellEnd = Omit<CommandEnd, 'timedOut'> & { begun: boolean };

/**
 * One process of /bin/sh, which says on its descriptor 3 the exit code of each command, and before it when
 * there was no way to begin.
 */
class Shell {
  isOver = false;
  readonly #child: ChildProcess;
  #waiting: Deferred<ShellEnd> | undefined;
  #said = '';

  static async open(env: NodeJS.ProcessEnv): Promise<Shell> {
    const options = { env, detached: true, oomScore: oomScores.task };
    return new Shell(
      await spawnProcess(['/bin/sh'], { ...options, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] }),
    );
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on('error', () => {});
    child.stdio[3]?.on('error', () => {}).on('data', (chunk: Buffer) => this.#hear(String(chunk)));
    // Its last words are read before its end counts.
    child.once('close', (exitCode, signal) => this.#end({ begun: signal !== null, exitCode, signal }));
    child.once('exit', () => {
      this.isOver = true;
      setTimeout(() => this.#child.stdio[3]?.destroy(), 1000).unref();
    });
  }

  run(line: string): Promise<ShellEnd> {
    this.#said = '';
    this.#waiting = deferred();
    if (this.isOver) this.#end({ begun: false, exitCode: null, signal: null });
    else this.#child.stdin?.write(toBytes(line));
    return this.#waiting?.promise ?? Promise.resolve({ begun: false, exitCode: null, signal: null });
  }

  /** The whole group: SIGTERM, and SIGKILL two seconds later. */
  stop(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.isOver) return;
    this.isOver = true;
    signalPid(-pid, 'SIGTERM');
    setTimeout(() => signalPid(-pid, 'SIGKILL'), 2000).unref();
  }

  #hear(text: string): void {
    this.#said += text;
    // A shell says 128 + n both for signal n and for that exit code; it is passed on as it says it.
    const code = /(?:^|\n)(\d+)\n/.exec(this.#said)?.[1];
    if (code !== undefined)
      this.#end({ begun: !this.#said.startsWith('never'), exitCode: Number(code), signal: null });
  }

  #end(end: ShellEnd): void {
    this.#waiting?.resolve(end);
  }
}

/**
 * One line for the shell. Names that it would read as something else go by env(1). The command itself has no
 * part in descriptor 3.
 */
function lineOf(
  argv: readonly string[],
  env: Record<string, string>,
  cwd: string,
  files: QuietEnd['files'],
): string {
  const entries = Object.entries(env);
  const exports = entries
    .filter(([name]) => isShellName(name))
    .map(([name, value]) => `export ${name}=${quoteWord(value)}; `);
  const others = entries.filter(([name]) => !isShellName(name)).map(([name, value]) => `${name}=${value}`);
  const words = others.length > 0 ? ['/usr/bin/env', ...others, ...argv] : argv;
  const outputs = `</dev/null >${quoteWord(files.stdout.path)} 2>${quoteWord(files.stderr.path)}`;
  return (
    `(${exports.join('')}cd -- ${quoteWord(cwd)} || { echo never >&3; exit; }; exec ` +
    `${quoteCommand(words)} 3>&-) ${outputs}; echo $? >&3\n`
  );
}

/** What the shell would only mumble about. */
function checkCommand(program: string, cwd: string, path: string): void {
  const refuse = (why: string): never => {
    throw new IpclusterError('USAGE', `The command ${program} cannot be started: ${why}`);
  };
  if (!isFolder(cwd)) refuse(`there is no folder ${cwd}`);
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
