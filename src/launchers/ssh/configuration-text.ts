import { messageOf } from '../../base/errors.js';
import { runTool, type ToolOutcome } from '../../processes/tool.js';
import { HostError } from './connection.js';

/** `ssh -G` may run commands of the user's (Match exec): it gets so long (milliseconds). */
const patience = 10_000;
/** The shell's code for a program that is not there. */
const notThere = 127;

/**
 * What `ssh -G` says of a host. Without that program there is no configuration: then names mean what they
 * say. Throws {@link HostError} where it cannot read what the user has written: ssh itself would not go there
 * either.
 */
export async function configurationText(words: readonly string[]): Promise<string> {
  let outcome = await askSsh(words);
  // With ForkAfterAuthentication it wants a command, and with RemoteCommand none.
  if (/without a command/.test(outcome.stderr)) outcome = await askSsh([...words, 'true']);
  const { code, stdout, stderr, timedOut } = outcome;
  if (code === 0) return stdout;
  if (code === notThere) return '';
  throw new HostError(verdictOf(timedOut ? `it took longer than ${patience / 1000} s` : stderr));
}

async function askSsh(words: readonly string[]): Promise<ToolOutcome> {
  return runTool({ argv: ['ssh', '-G', ...words], env: process.env, timeout: patience }).catch(
    (error: unknown) => ({
      code: notThere,
      stdout: '',
      timedOut: false,
      stderr: messageOf(error),
    }),
  );
}

function verdictOf(stderr: string) {
  const lines = stderr.split('\n').map((line) => line.trim());
  // Its last line only says that it gives up.
  const said = lines.filter((line) => line !== '' && !/terminating, \d+ bad/.test(line));
  const option = /Bad configuration option: (\S+)/.exec(stderr)?.[1];
  const file = /Bad owner or permissions on (\S+)/.exec(stderr)?.[1];
  const suggestions = [
    ...(option === undefined
      ? []
      : [`\`IgnoreUnknown ${option}\` above that line, if another ssh of yours needs it.`]),
    ...(file === undefined ? [] : [`\`chmod go-w ${file}\``]),
    ...(/No user exists/.test(stderr) ? ['An entry for this user in /etc/passwd of this container.'] : []),
    '`ssh -G HOST`',
  ];
  const sentence = `ssh cannot read its configuration here (${(said.at(-1) ?? 'it said nothing').replace(/\.$/, '')}).`;
  return { code: 'ssh-config', sentence, suggestions };
}
