import { startCommand } from '../processes/command.js';
import type { Message } from '../protocol/message.js';
import type { CommandResult, OkContent } from '../protocol/messages.js';

/** Output beyond this many characters is streamed but no longer kept for the result. */
const keptOutput = 16 * 1024 * 1024;

/**
 * Runs a shell task. It gets the engine's environment, its own process group and a mark; its exit code is a value, only a
 * program that cannot be started is an error. Puts `cancel` on the request, which ends the whole group.
 */
export async function runCommand(
  { header, content, metadata }: Message<'command_request'>,
  running: { cancel?: () => void },
  onOutput: (name: 'stdout' | 'stderr', text: string) => void,
): Promise<{ content: OkContent & { result: CommandResult } }> {
  const kept = { stdout: '', stderr: '' };
  let truncated = false;
  const begin = performance.now();
  const command = startCommand({
    argv: content.argv,
    cwd: content.cwd,
    env: environmentFor(header.msg_id, content.env),
    input: content.input,
    timeLimit: content.timeLimit,
    stdoutFile: content.stdoutFile,
    stderrFile: content.stderrFile,
    onOutput(name, text) {
      if (kept[name].length + text.length <= keptOutput) kept[name] += text;
      else truncated = true;
      if (metadata['stream'] !== false) onOutput(name, text);
    },
  });
  running.cancel = () => command.stop();
  stopAtExit.add(command);
  try {
    const end = await command.ended;
    return { content: { status: 'ok', result: { ...end, ...kept, truncated, runTime: performance.now() - begin } } };
  } finally {
    stopAtExit.delete(command);
  }
}

/** The engine's environment, without what only the engine itself was given. */
function environmentFor(task: string, own: Record<string, string> | undefined): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...own, IPCLUSTER_TASK: task };
  if (own?.['UV_THREADPOOL_SIZE'] === undefined) delete environment['UV_THREADPOOL_SIZE'];
  return environment;
}

const stopAtExit = new Set<{ stop: () => void }>();

/** Ends whatever commands still run: the engine is about to leave. */
export function stopCommands(): void {
  for (const command of stopAtExit) command.stop();
}
