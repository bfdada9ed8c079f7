import { IpclusterError } from '../../base/errors.js';
import { fromBytes } from '../../base/shell.js';
import { readInput, splitBytes } from '../pipes.js';

/**
 * The inputs that stdin holds: its lines as they are but empty ones, or with `byNull` what stands between bytes of zero. Throws
 * USAGE for a terminal, and for a line with a zero in it, which no command could be given.
 */
export async function readInputs(byNull: boolean): Promise<string[]> {
  if (process.stdin.isTTY) throw new IpclusterError('USAGE', 'There are no inputs: name them after :::, or send lines to stdin.');
  const parts = splitBytes(await readInput(), byNull ? 0 : 10).filter(({ length }) => length > 0);
  const inputs = parts.map(fromBytes);
  const bad = inputs.findIndex((input) => input.includes('\0'));
  if (bad >= 0) {
    throw new IpclusterError('USAGE', `Input ${bad + 1} has a byte of zero in it: ${JSON.stringify(inputs[bad]?.slice(0, 80))}`, {
      suggestions: ['Inputs that are separated by zeros: `--null`, as of `find -print0`.'],
    });
  }
  return inputs;
}
