import { readFile } from 'node:fs/promises';
import { IpclusterError } from '../base/errors.js';
import { sleep } from '../base/wait.js';
import { runTool, type ToolOutcome } from '../processes/tool.js';
import type { BatchDialect, Question } from './dialect.js';
import { submitRoundTime, submitTime } from './patience.js';
import type { PlannedCommand } from './plan.js';
import { submitEnvironment } from './tool-environment.js';

/** How often, and with what pauses (milliseconds), a job is looked for that may have been accepted. */
const looks = [0, 1000, 2000, 4000, 8000];

export type Ask = <Answer>(question: Question<Answer>) => Promise<Answer | undefined>;

/**
 * A job that was taken, and what the submit said besides: what a site's filter has changed, warnings; empty
 * for nothing.
 */
export interface Submitted {
  id: string;
  notes: string;
}

/**
 * Submits a script and answers the job's id. A submit that gave no answer is looked up by name before it is
 * tried again, once, so that no job is ever there twice. Throws SUBMIT_REFUSED or SCHEDULER_SILENT, with the
 * scheduler's own words.
 */
export async function submitJob(
  dialect: BatchDialect,
  command: PlannedCommand,
  name: string,
  ask: Ask,
): Promise<Submitted> {
  let said = '';
  const until = Date.now() + submitRoundTime;
  for (let attempt = 0; attempt < 2; attempt++) {
    const timeout = Math.max(1000, Math.min(submitTime, until - Date.now()));
    const { outcome, listed } = await runSubmit(dialect, command, name, ask, timeout);
    const taken =
      outcome.code === 0 ? dialect.parseJobId(outcome.stdout) : dialect.takenAllTheSame?.(outcome.stderr);
    const id = listed ?? taken;
    // Beside its id, where the id is printed, stand greetings that sites print at each submit.
    if (id !== undefined) return { id, notes: lastLinesOf(outcome.stderr) };
    const silent = outcome.timedOut || outcome.code === 0 || dialect.isSilence(outcome);
    if (!silent) throw refused(dialect, outcome.stderr || outcome.stdout, outcome.code);
    said = lastLinesOf(`${outcome.stderr}\n${outcome.stdout}`) || said;
    const found = await lookUp(dialect, name, ask, { until, said });
    if (found) return { id: found, notes: '' };
  }
  throw new IpclusterError(
    'SCHEDULER_SILENT',
    `The scheduler was asked twice to take the job, gave no id, and lists none of its name.${quote(said)}`,
  );
}

/** How often a job is looked for whose submit would wait for its end (milliseconds). */
const listInterval = 1000;

/**
 * Runs a submit. One that would wait for the end of its job is killed when the job is on the list, by its
 * name: that leaves the job.
 */
async function runSubmit(
  dialect: BatchDialect,
  { argv, input, waits }: PlannedCommand,
  name: string,
  ask: Ask,
  timeout: number,
): Promise<{ outcome: ToolOutcome; listed?: string | undefined }> {
  const env = submitEnvironment(process.env, argv);
  const options = { argv, env, timeout, input: input ? await readFile(input, 'utf8') : undefined };
  if (!waits) return { outcome: await runTool(options) };
  const over = new AbortController();
  let listed: string | undefined;
  const seek = async (): Promise<void> => {
    while (listed === undefined) {
      await sleep(listInterval, over.signal);
      listed = (await ask(dialect.find(name)))?.find((job) => job.name === name)?.id;
    }
  };
  const outcome = await runTool({ ...options, enough: seek() });
  over.abort(new Error('over'));
  return { outcome, listed };
}

const quote = (said: string): string => (said ? ` It said:\n${said}` : '');

/** So many lines are quoted of what a submit says. */
const quotedLines = 6;

const lastLinesOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)
    .slice(-quotedLines)
    .join('\n');

/**
 * The id of a live job of that name; undefined when the system says that there is none. Throws
 * SCHEDULER_SILENT.
 */
async function lookUp(
  dialect: BatchDialect,
  name: string,
  ask: Ask,
  { until, said }: { until: number; said: string },
): Promise<string | undefined> {
  for (const pause of looks) {
    if (Date.now() + pause >= until) break;
    await sleep(pause);
    const jobs = await ask(dialect.find(name));
    if (jobs) return jobs.find((job) => job.name === name)?.id;
  }
  throw new IpclusterError(
    'SCHEDULER_SILENT',
    `The scheduler does not answer; whether it has taken the job ${name} is not known.${quote(said)}`,
    {
      suggestions: ['It is looked for and ended by `ipcluster stop`, when the scheduler answers again.'],
      verdict: 'scheduler-silent',
    },
  );
}

/** The error of a submit that was refused, with the lines that say why. */
export function refused(dialect: BatchDialect, said: string, code: number | null): IpclusterError {
  // What is wrong stands before the usage text, which may be long.
  const usage = /^\s*usage:/im.exec(said)?.index ?? 0;
  const words = lastLinesOf(usage > 0 ? said.slice(0, usage) : said);
  const verdict = dialect.refusal(said);
  const reason = verdict ? `${verdict.sentence} ` : '';
  return new IpclusterError(
    'SUBMIT_REFUSED',
    `${reason}The scheduler did not take the job (exit code ${code}):\n${words}`,
    {
      ...(verdict && verdict.suggestions.length > 0 && { suggestions: verdict.suggestions }),
      verdict: verdict?.code ?? 'refused',
    },
  );
}
