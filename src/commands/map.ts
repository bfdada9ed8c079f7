import { Command, Flags } from '@oclif/core';
import { currentFolder } from '../base/current-folder.js';
import { IpclusterError, messageOf } from '../base/errors.js';
import { parseCount, parseDuration } from '../base/quantities.js';
import { connectTo } from '../cluster/find.js';
import { commandText, type FarmItem, runFarm } from './farm/farm.js';
import { readInputs } from './farm/inputs.js';
import { JobLog } from './farm/job-log.js';
import { FarmPrinter, FarmProgress, printJson } from './farm/printer.js';
import { splitCommand } from './farm/template.js';
import { commonFlags, Interrupted, interruption, placeOf, restOfLine } from './shared.js';

export default class MapCommand extends Command {
  static override summary = 'run a shell command for each input, on any free engine';
  static override usage = 'map [FLAGS] -- COMMAND {} ::: a b c';
  static override description =
    'Inputs stand after :::, or are lines of the files after ::::, or of stdin. {} is the input, {#} ' +
    'its number, which is that of its ' +
    'line; {1} {2} are its columns (--colsep); {.} {/} {//} {/.} are without extension, folder, the ' +
    'folder alone, without both. Without ' +
    'any the input is appended. Nothing is run for empty lines. ' +
    'Several words run exactly as they are; one quoted word with shell characters is a line for sh.';
  static override examples = [
    'ipcluster map -- gzip {} ::: *.csv',
    "ls *.png | ipcluster map --joblog log -- 'convert {} {}.jpg'",
  ];
  static override flags = {
    joblog: Flags.string({
      description: 'write a line for each run, as GNU parallel does',
      helpValue: 'FILE',
    }),
    resume: Flags.boolean({
      dependsOn: ['joblog'],
      description: 'run only what has not succeeded according to the job log',
    }),
    retries: Flags.string({ default: '0', description: 'run what fails again, so often', helpValue: 'K' }),
    'time-limit': Flags.string({ description: 'kill a run after that', helpValue: 'DURATION' }),
    env: Flags.string({
      multiple: true,
      default: [],
      description: 'hand on a variable of yours',
      helpValue: 'NAME',
    }),
    colsep: Flags.string({
      char: 'C',
      description: 'what separates columns of an input',
      helpValue: 'REGEXP',
    }),
    null: Flags.boolean({
      char: '0' as 'Z',
      description: 'inputs of files and stdin end with a byte of zero, not with their line',
    }),
    'keep-order': Flags.boolean({ char: 'k', description: 'print output in the order of the inputs' }),
    progress: Flags.boolean({
      allowNo: true,
      description: 'show a progress bar on stderr; on when that is a terminal',
    }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(MapCommand);
    const { template, sources } = splitCommand(restOfLine(), readSeparator(flags.colsep));
    const retries = parseCount(flags.retries, '--retries');
    const timeLimit =
      flags['time-limit'] === undefined ? undefined : parseDuration(flags['time-limit'], '--time-limit');
    const env = readEnvironment(flags.env);
    const say = (sentence: string): void => void process.stderr.write(`ipcluster map: ${sentence}\n`);
    const { inputs, blank } = await readInputs(sources, { byNull: flags.null, say });
    const signal = interruption();
    await using client = await connectTo(placeOf(flags));
    if (client.ids.length === 0) throw new IpclusterError('NO_ENGINES', 'No engine is registered.');
    const commandOf = (number: number): string | undefined => {
      const input = inputs[number - 1];
      return input === undefined ? undefined : commandText(template, input, number);
    };
    const opened =
      flags.joblog === undefined ? undefined : JobLog.open(flags.joblog, flags.resume, commandOf);
    const skip = new Set([...(opened?.succeeded ?? []), ...blank]);
    const total = inputs.length - [...skip].filter((number) => number <= inputs.length).length;
    const progress = new FarmProgress(total, flags.progress ?? !flags.json);
    const printer = new FarmPrinter(flags['keep-order'], skip, progress);
    const items: FarmItem[] = [];
    const { done, failed, cut, interrupted } = await runFarm({
      view: client.balanced(),
      template,
      inputs,
      skip,
      retries,
      timeLimit,
      env,
      cwd: currentFolder(),
      signal,
      log: opened?.log,
      // JSON is text: it has what can be said as such, and says what is missing.
      bytes: !flags.json,
      width: Math.max(16, client.ids.length * 8),
      onEnd: async (item) => {
        progress.add(item);
        if (flags.json) items.push(item);
        else await printer.add(item);
      },
    }).finally(() => progress.clear());
    if (flags.json) await printJson({ total, done, failed, cut, interrupted }, items);
    else await printer.finish();
    if (interrupted)
      throw new Interrupted(
        `interrupted after ${done} of ${total}${flags.joblog ? '; go on with --resume' : ''}`,
      );
    if (failed + cut > 0) process.exitCode = 1;
    if (failed > 0 && !flags.json) process.stderr.write(`ipcluster map: ${failed} of ${total} failed\n`);
  }
}

/** What separates columns. Throws USAGE for what is no regular expression. */
function readSeparator(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    throw new IpclusterError('USAGE', `--colsep is "${text}": ${messageOf(error)}.`, {
      suggestions: ['A bar itself: `--colsep "[|]"`.'],
    });
  }
}

function readEnvironment(names: readonly string[]): Record<string, string> {
  const entries = names.map((name) => {
    const value = process.env[name];
    if (value === undefined)
      throw new IpclusterError('USAGE', `--env ${name}: there is no such variable here.`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}
