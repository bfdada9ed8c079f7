import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Args, Command, Flags } from '@oclif/core';
import { IpclusterError, messageOf } from '../base/errors.js';
import type { AsyncResult } from '../client/async-result.js';
import { RemoteError } from '../client/remote-error.js';
import { connectTo } from '../cluster/find.js';
import { put, readInput } from './pipes.js';
import {
  commonFlags,
  Interrupted,
  interruption,
  parseTargets,
  placeOf,
  print,
  targetsFlag,
} from './shared.js';
import { inPlace } from './tips.js';

export default class Exec extends Command {
  static override summary = 'run code on engines and show its value';
  static override examples = [
    "ipcluster exec 'x = engineId * 2'",
    'ipcluster exec --targets 0 --file setup.js',
    "ipcluster exec --no-wait 'longJob()'",
  ];
  static override args = {
    code: Args.string({ description: 'JavaScript; the value of its last expression is shown' }),
  };
  static override flags = {
    targets: targetsFlag,
    file: Flags.string({ char: 'f', description: 'run a file instead', helpValue: 'PATH' }),
    wait: Flags.boolean({
      default: true,
      allowNo: true,
      description: 'wait for the end; --no-wait prints the id for `ipcluster result`',
    }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Exec);
    const code = flags.file === undefined ? args.code : await readCode(flags.file);
    if (code === undefined || (flags.file !== undefined && args.code !== undefined)) {
      throw new IpclusterError('USAGE', 'Give either code or --file.');
    }
    const signal = interruption();
    await using client = await connectTo(placeOf(flags));
    const result = client
      .direct(parseTargets(flags.targets))
      .execute(code, flags.file === undefined ? {} : { fileName: flags.file });
    const [id] = result.ids;
    if (!flags.wait) {
      await client.status();
      return print(flags.json, { id }, `${id ?? ''}`);
    }
    if (!flags.json) void show(result);
    const interrupted = new Promise<'interrupted'>((resolve) =>
      signal.addEventListener('abort', () => resolve('interrupted'), { once: true }),
    );
    const parts = await Promise.race([result.settled(), interrupted]);
    if (parts === 'interrupted') {
      await result.cancel();
      throw new Interrupted();
    }
    const results = parts.map((part, index) => describe(part, result, index));
    const text = results
      .flatMap(({ engine, text: shown }) => (shown === undefined ? [] : [`[${engine}] ${shown}`]))
      .join('\n');
    print(flags.json, { id, results }, text);
    const failed = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as Error] : []));
    if (flags.json && failed.length > 0) process.exitCode = 1;
    for (const text of flags.json ? [] : failureTexts(failed)) process.stderr.write(`${text}\n`);
    if (failed.length > 0) process.exitCode = 1;
  }
}

async function readCode(path: string): Promise<string> {
  if (path === '-') return (await readInput()).toString();
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new IpclusterError('USAGE', `The file cannot be read: ${messageOf(cause)}`, { cause });
  }
}

async function show(result: AsyncResult<unknown>): Promise<void> {
  for await (const { name, text } of result.outputs()) await put(name, text);
}

function describe(part: PromiseSettledResult<unknown>, result: AsyncResult<unknown>, index: number) {
  const engine = result.engineIds[index] ?? null;
  if (part.status === 'fulfilled') {
    const text = result.texts[index] || undefined;
    return {
      engine,
      value: part.value ?? null,
      text: part.value === undefined ? text : (text ?? inspect(part.value)),
    };
  }
  const error = part.reason as IpclusterError;
  const { ename, evalue, traceback } =
    error instanceof RemoteError ? error : { ename: error.code, evalue: error.message, traceback: [] };
  return { engine, error: { ename, evalue, traceback } };
}

/** What each failure says; what several engines say alike is said once, with their ids. */
function failureTexts(failed: readonly Error[]): string[] {
  const engines = new Map<string, number[]>();
  const texts = failed.map((error) => {
    if (!(error instanceof RemoteError) || error.engineId === undefined) return inPlace(messageOf(error));
    const text = remoteText(error);
    const known = engines.get(text);
    if (known) known.push(error.engineId);
    else engines.set(text, [error.engineId]);
    return text;
  });
  return [...new Set(texts)].map((text) => {
    const ids = engines.get(text);
    return ids ? `${ids.length > 1 ? 'engines' : 'engine'} ${formatIds(ids)}: ${text}` : text;
  });
}

/** Ids as `--targets` takes them: `0-3,5`. */
function formatIds(ids: readonly number[]): string {
  const sorted = ids.toSorted((a, b) => a - b);
  const starts = sorted.filter((id) => !sorted.includes(id - 1));
  const ends = sorted.filter((id) => !sorted.includes(id + 1));
  return starts
    .map((start, index) => (start === ends[index] ? `${start}` : `${start}-${ends[index]}`))
    .join(',');
}

/** What an engine said, without its id. */
function remoteText({ ename, evalue, traceback, suggestions }: RemoteError): string {
  const lines = [
    `${ename}: ${evalue}`,
    ...traceback.slice(1),
    ...suggestions.map((line) => `  try: ${inPlace(line)}`),
  ];
  return lines.join('\n');
}
