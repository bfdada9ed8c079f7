import { isUtf8 } from 'node:buffer';
import { dirname } from 'node:path';
import { splitWords } from '../base/shell.js';
import { type RunningCommand, startCommand } from '../processes/command.js';
import { HelperShell } from '../processes/helper-shell.js';
import type { Message } from '../protocol/message.js';
import type { CommandResult, OkContent } from '../protocol/messages.js';

/** Output beyond this many characters is streamed but no longer kept for the result. */
const keptOutput = 16 * 1024 * 1024;

/** As bytes so many are kept. */
const keptBytes = 1024 * 1024 * 1024;

type OutputName = 'stdout' | 'stderr';

/** The good answer to a command. */
type Answer = { content: OkContent & { result: CommandResult }; buffers?: Buffer[] };

/** Runs shell tasks for an engine: in process groups of their own, with a mark, and ended with the engine. */
export class Commands {
  readonly #running = new Set<RunningCommand<unknown>>();
  /** Where output that is not streamed is kept while a command runs, and under which name. */
  readonly #folder: string;
  readonly #name: string;
  #helper: HelperShell | undefined;

  constructor(socketPath: string, name: string) {
    this.#folder = dirname(socketPath);
    this.#name = name;
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
   * Runs a command. Its exit code is a value; only a program that cannot be started is an error. Puts `cancel` on the request,
   * which ends the whole group.
   */
  run(
    message: Message<'command_request'>,
    request: { cancel?: () => void },
    onOutput: (name: OutputName, text: string) => void,
  ): Promise<Answer> {
    const { input, stdoutFile, stderrFile } = message.content;
    const quiet =
      message.metadata['stream'] === false && input === undefined && stdoutFile === undefined && stderrFile === undefined;
    return quiet ? this.#runQuietly(message, request) : this.#runStreaming(message, request, onOutput);
  }

  async #runQuietly(
    { header, content, metadata }: Message<'command_request'>,
    request: { cancel?: () => void },
  ): Promise<Answer> {
    const asBytes = metadata['bytes'] === true;
    this.#helper ??= new HelperShell(this.#folder, this.#name, environment());
    const command = this.#helper.start({
      argv: wrapped(content.argv),
      env: { ...content.env, IPCLUSTER_TASK: header.msg_id },
      cwd: content.cwd ?? process.cwd(),
      timeLimit: content.timeLimit,
      keep: asBytes ? keptBytes : keptOutput,
    });
    return this.#follow(command, request, ({ stdout, stderr, ...end }) => {
      const isText = [stdout, stderr].every((bytes) => bytes.length <= keptOutput && isUtf8(bytes));
      if (asBytes && !isText) return { result: { ...end, stdout: '', stderr: '' }, buffers: [stdout, stderr] };
      return { result: { ...end, stdout: String(stdout), stderr: String(stderr) } };
    });
  }

  async #runStreaming(
    { header, content }: Message<'command_request'>,
    request: { cancel?: () => void },
    onOutput: (name: OutputName, text: string) => void,
  ): Promise<Answer> {
    const kept = { stdout: '', stderr: '' };
    let truncated = false;
    const { env, ...options } = content;
    const command = startCommand({
      ...options,
      argv: wrapped(content.argv),
      env: { ...environment(), ...env, IPCLUSTER_TASK: header.msg_id },
      onOutput(name, text) {
        if (kept[name].length + text.length <= keptOutput) kept[name] += text;
        else truncated = true;
        onOutput(name, text);
      },
    });
    return this.#follow(command, request, (end) => ({ result: { ...end, ...kept, truncated } }));
  }

  async #follow<End>(
    command: RunningCommand<End>,
    request: { cancel?: () => void },
    describe: (end: End) => { result: Omit<CommandResult, 'runTime'>; buffers?: Buffer[] },
  ): Promise<Answer> {
    const begin = performance.now();
    request.cancel = () => command.stop();
    this.#running.add(command);
    try {
      const { result, buffers = [] } = describe(await command.ended);
      return { content: { status: 'ok', result: { ...result, runTime: performance.now() - begin } }, buffers };
    } finally {
      this.#running.delete(command);
    }
  }
}

/** A command with what every shell task begins with here, such as a container's words. */
const wrapped = (argv: string[]): string[] => [...splitWords(process.env['IPCLUSTER_TASK_WRAPPER'] ?? ''), ...argv];

/** The engine's environment, without what only the engine itself was given. */
function environment(): NodeJS.ProcessEnv {
  const { UV_THREADPOOL_SIZE: _own, ...rest } = process.env;
  return rest;
}
