import { existsSync } from 'node:fs';
import type { ForeignEngines } from './engine-settings.js';

/**
 * The command of one engine of IPython: what its user said, where its gateway is, and under which name to
 * come there.
 */
export function engineCommand(
  { program, file, profileFolder, timeout }: ForeignEngines,
  uuid: string,
): [string, ...string[]] {
  const seconds = Math.ceil(timeout / 1000);
  return [
    ...program.words,
    `--file=${file}`,
    `--Session.session=${uuid}`,
    // Its supervisor sees its end and sends its signals: a nanny for each engine would be one more Python.
    '--IPEngine.enable_nanny=False',
    `--IPEngine.timeout=${seconds}`,
    `--IPEngine.wait_for_url_file=${seconds}`,
    ...(existsSync(profileFolder) ? [`--profile-dir=${profileFolder}`] : []),
  ];
}
