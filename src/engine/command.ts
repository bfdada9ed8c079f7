import { isUtf8 } from 'node:buffer';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { isVariableName, splitWords } from '../base/shell.js';
import { type CommandEnd, type RunningCommand, startCommand } from '../processes/command.js';
import { HelperShell } from '../processes/helper-shell.js';
import type { OutputFile } from '../processes/output-file.js';
import type { Message } from '../protocol/message.js';
import type { CommandContent, CommandReport, OkContent } from '../protocol/messages.js';
import { KeptOutput, keptOutput, type OutputTaker, TextPieces } from './kept-output.js';

type OutputName = 'stdout' | 'stderr';

/** The good answer to a command; its output goes along as bytes where it is no text. */
interface Answer {
  content: OkContent & { result: CommandReport };
  buffers?: Buffer[];
}

/** What a command has written, as far as it is kept. */
interface Written {
  bytes: Buffer;
  dropped: number;
}

type Outcome = CommandEnd & Record<OutputName, Written>;

export interface CommandsOptions {
  /** Where output that is not streamed is kept while a command runs. */
  folder: string;
  /** Settles when those who take output have room for more; undefined when they have. */
  room: () => Promise<void> | undefined;
}

/** As bytes so many are kept. */
const keptBytes = 1024 * 1024 * 1024;

/** Runs shell tasks for an engine: in process groups of their own, with a mark, and ended with the engine. */
export class Commands {
  readonly #running = new Set<RunningCommand<unknown>>();
  readonly #options: CommandsOptions;
  #helper: HelperShell | undefined;

  constructor(socketPath: string, room: CommandsOptions['room']) {
    this.#options = { folder: dirname(socketPath), room };
  }

  /** User code has run, and may have changed the environment: the next helper gets it as it is then. */
  forgetEnvironment(): void {
    this.#helper?.close();
    this.#helper = undefined;
  }

  /** Ends whatever runs: the engine is about to leave. */
  stop(): void {
    for (const command of this.#running) command.stop();
    this.#helper?.close();
  }

  /**
   * Runs a command. Its exit code is a value; only a program that cannot be started is an error. Puts
   * `cancel` on the request, which ends the whole group.
   */
  async run(
    message: Message<'command_request'>,
    request: { cancel?: () => void },
    take: OutputTaker,
  ): Promise<Answer> {
    checkContent(message.content);
    const { input, stdoutFile, stderrFile } = message.content;
    const { stream } = message.metadata;
    const quiet = stream === false && [input, stdoutFile, stderrFile].every((option) => option === undefined);
    return quiet ? this.#runQuietly(message, request) : this.#runStreaming(message, request, take);
  }

  async #runQuietly(
    { header, content, metadata }: Message<'command_request'>,
    request: { cancel?: () => void },
  ): Promise<Answer> {
    this.#helper ??= new HelperShell(this.#options.folder, environment());
    const command = this.#helper.start({
      argv: wrapped(content.argv),
      env: { ...content.env, IPCLUSTER_TASK: header.msg_id },
      cwd: resolve(content.cwd ?? process.cwd()),
      timeLimit: content.timeLimit,
    });
    return this.#follow(command, request, ({ files, ...end }) => {
      const keep = metadata['bytes'] === true ? keptBytes : keptOutput;
      try {
        return { ...end, stdout: readFile(files.stdout, keep), stderr: readFile(files.stderr, keep) };
      } finally {
        files.stdout.close();
        files.stderr.close();
      }
    });
  }

  async #runStreaming(
    { header, content }: Message<'command_request'>,
    request: { cancel?: () => void },
    take: OutputTaker,
  ): Promise<Answer> {
    const kept = { stdout: new KeptOutput(), stderr: new KeptOutput() };
    const pieces = {
      stdout: new TextPieces((text, bytes) => take('stdout', text, bytes)),
      stderr: new TextPieces((text, bytes) => take('stderr', text, bytes)),
    };
    const { room } = this.#options;
    const { env, ...options } = content;
    const command = startCommand({
      ...options,
      argv: wrapped(content.argv),
      env: { ...environment(), ...env, IPCLUSTER_TASK: header.msg_id },
      onOutput(name, bytes) {
        kept[name].add(bytes);
        pieces[name].add(bytes);
        return room();
      },
    });
    return this.#follow(command, request, (end) => {
      pieces.stdout.end();
      pieces.stderr.end();
      return { ...end, ...kept };
    });
  }

  async #follow<End>(
    command: RunningCommand<End>,
    request: { cancel?: () => void },
    finish: (end: End) => Outcome,
  ): Promise<Answer> {
    const [begin, started] = [performance.now(), Date.now()];
    request.cancel = () => command.stop();
    this.#running.add(command);
    try {
      const end = await command.ended;
      return describe(finish(end), { runTime: performance.now() - begin, started });
    } finally {
      this.#running.delete(command);
    }
  }
}

const here = hostname();

function describe(
  { stdout, stderr, exitCode, signal, timedOut }: Outcome,
  times: Pick<CommandReport, 'runTime' | 'started'>,
): Answer {
  const dropped = { stdout: stdout.dropped, stderr: stderr.dropped };
  const truncated = dropped.stdout + dropped.stderr > 0;
  const buffers = [stdout.bytes, stderr.bytes];
  const isText = buffers.every((bytes) => bytes.length <= keptOutput && isUtf8(bytes));
  // Where it goes as bytes, its reader makes the text that he wants.
  const [out, err] = isText ? buffers.map(String) : ['', ''];
  const ended = { exitCode, signal, timedOut, host: here, ...times };
  const result = { ...ended, stdout: out ?? '', stderr: err ?? '', truncated, dropped };
  return { content: { status: 'ok', result }, ...(isText ? {} : { buffers }) };
}

function readFile(file: OutputFile, keep: number): Written {
  const { size } = file;
  return { bytes: file.read(0, Math.min(size, keep)), dropped: Math.max(0, size - keep) };
}

/** Throws USAGE for what no command can be given, by name, before anything is started. */
function checkContent({ argv, env = {}, timeLimit, cwd = '' }: CommandContent): void {
  const refuse = (what: string): never => {
    throw new IpclusterError('USAGE', `${what}; nothing was started.`);
  };
  if (argv.length === 0 || argv.some((word) => typeof word !== 'string'))
    refuse('A command is a list of words');
  if ([...argv, cwd, ...Object.values(env)].some((word) => String(word).includes('\0')))
    refuse('No word, folder or variable of a command can have a NUL in it');
  const wrong = Object.keys(env).find((name) => !isVariableName(name));
  if (wrong !== undefined) refuse(`${JSON.stringify(wrong)} can be no name of a variable`);
  // JSON has no Infinity: no limit arrives as null.
  if (timeLimit !== undefined && timeLimit !== null && !(timeLimit >= 0))
    refuse(`A time limit is ${timeLimit}, but must be milliseconds, or 0 for none`);
}

/** A command with what every shell task begins with here, such as a container's words. */
const wrapped = (argv: string[]): string[] => [
  ...splitWords(process.env['IPCLUSTER_TASK_WRAPPER'] ?? ''),
  ...argv,
];

/** The engine's environment, without what only the engine itself was given. */
function environment(): NodeJS.ProcessEnv {
  const { UV_THREADPOOL_SIZE: _own, ...rest } = process.env;
  return rest;
}
