import { join } from 'node:path';
import { lastLines } from '../base/files.js';
import { unlisted } from '../launcher-kit/absence.js';
import { hasBegun } from '../launcher-kit/allocations.js';
import { readNodeEnds } from '../launcher-kit/node-ends.js';
import {
  describeState,
  groupMembers,
  isFinal,
  type JobStatus,
  type State,
  waits,
} from '../launcher-kit/states.js';
import type { RecordedJob } from '../profile/cluster-file.js';
import { explainLog, type Finding } from './causes.js';
import { launcherOf, lookAtJob } from './jobs.js';

/**
 * What a job's system says of it. `live`: the controller answers; `gone`: it has none of the job's
 * supervisors any more.
 */
export async function explainRecorded(
  recorded: RecordedJob,
  live: boolean,
  gone = false,
): Promise<Finding[]> {
  const status = await lookAtJob(recorded);
  const isOver = gone && isUnlisted(status.state) && (await hasBegun(recorded.jobDir));
  return isOver ? [endedSilently(recorded)] : explainState(recorded, status, live);
}

const isUnlisted = (state: State): boolean =>
  (state.state === 'unknown' && state.cause === unlisted.now) ||
  (state.state === 'lost' && state.reason === unlisted.forGood);

/**
 * Two witnesses say that a job is over, its scheduler and its lease, and none says how: not every system
 * keeps a history.
 */
function endedSilently({ role, launcher, ids }: RecordedJob): Finding {
  return {
    code: 'ended-silently',
    about: role,
    sentence: [
      `The job of the ${role} has ended without a word: ${launcher} lists it no more and keeps no ` +
        'history of it,',
      'nothing of it speaks to the controller, and it left no exit record.',
      'Something has killed all of it at once, or its host has failed.',
    ].join(' '),
    lines: [`${launcher} ${ids.join(' ')}`],
    suggestions: ['Start again: `ipcluster engines add -n N`.'],
  };
}

/**
 * Whether its system has suspended a job all of whose engines are registered: they do not say so themselves.
 */
export async function explainSuspension(recorded: RecordedJob): Promise<Finding[]> {
  const launcher = await launcherOf(recorded.launcher, recorded.options ?? []);
  if (!launcher.suspends) return [];
  const findings = await explainState(recorded, await lookAtJob(recorded, suspensionTime), true);
  return findings.filter(({ code }) => code === 'suspended');
}

/**
 * Where the controller answers, nobody waits longer than this for the word of a job's system (milliseconds).
 */
const suspensionTime = 3000;

/** What a status means, in a sentence: the system's own words are explained by its launcher. */
async function explainState(recorded: RecordedJob, status: JobStatus, live: boolean): Promise<Finding[]> {
  const parts = await explainParts(recorded, status);
  return parts.length > 0 ? parts : explainWhole(recorded, status, live);
}

async function explainWhole(
  recorded: RecordedJob,
  status: JobStatus,
  live: boolean,
  intro = waits(status.state) ? 'The job has not begun. ' : '',
): Promise<Finding[]> {
  const { role, launcher: name, ids } = recorded;
  const { state } = status;
  if (state.state === 'running' || state.state === 'succeeded') return live ? [] : plain(role, state);
  const launcher = await launcherOf(name, recorded.options ?? []);
  const files = [recorded.jobDir];
  const outputs = await Promise.all(
    ['stdout', 'stderr'].map((output) => lastLines(join(recorded.jobDir, output), 40)),
  );
  const verdict = launcher.explain({ status, exitCode: null, logTail: outputs.flat(), files });
  // A scheduler cancels by itself as well, and its words on the job's own output say why.
  const isStrange = state.state === 'cancelled' && state.by !== 'ipcluster';
  // A fault of one node is said with its name; that nodes ended with their job is none.
  const ends = isStrange ? await readNodeEnds(recorded.jobDir) : [];
  if (ends.some(({ words }) => explainLog([words], undefined))) return [];
  const said = `${name} ${ids.join(' ')}: ${describeState(state)}`;
  const asked =
    isStrange || verdict?.code === 'limit' ? await launcher.inquire?.(recorded, state) : undefined;
  const known = asked ?? (isStrange ? explainLog(outputs.flat(), undefined) : undefined);
  if (known) return [{ about: role, lines: [said], ...known, sentence: `${intro}${known.sentence}` }];
  // What a launcher can only repeat, logs say better.
  if (verdict && verdict.code !== 'failed' && verdict.code !== 'lost') {
    const { code, sentence, suggestions } = verdict;
    return [
      {
        code,
        about: role,
        sentence: `${intro}${sentence}`,
        lines: [said],
        suggestions: withIds(suggestions, ids),
      },
    ];
  }
  return plain(role, state).map((finding) => ({ ...finding, lines: [said] }));
}

const withIds = (suggestions: readonly string[], ids: readonly string[]): string[] =>
  suggestions.map((text) =>
    text.replaceAll(/\bID(S?)\b/g, (_all, all) => (all ? ids.join(',') : (ids[0] ?? 'ID'))),
  );

/** Parts of a job that wait, ended badly, are suspended or silent while others are otherwise. */
async function explainParts(recorded: RecordedJob, status: JobStatus): Promise<Finding[]> {
  const groups = [...groupMembers(status)];
  if (isFinal(status.state) || groups.length < 2) return [];
  const all = Object.keys(status.members ?? {}).length;
  const found = groups.map(async ([said, names]): Promise<Finding[]> => {
    const state = status.members?.[names[0] ?? ''] ?? status.state;
    const findings = await explainWhole(recorded, { incarnation: status.incarnation, state }, true, '');
    const shown = `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`;
    const place =
      `${names.length} of ${all} parts of the job ` + `(${shown})${waits(state) ? ' have not begun.' : ':'}`;
    return findings.map((finding) => ({
      ...finding,
      sentence: `${place} ${finding.sentence}`,
      lines: [said],
    }));
  });
  return (await Promise.all(found)).flat();
}

const ends: Partial<Record<State['state'], { code: string; sentence: string; suggestions?: string[] }>> = {
  queued: { code: 'pending', sentence: 'The job waits in the queue.' },
  held: { code: 'held', sentence: 'The job is held in the queue.' },
  suspended: { code: 'suspended', sentence: 'The scheduler has suspended the job.' },
  ending: { code: 'ending', sentence: 'The job is ending.' },
  expired: {
    code: 'time-limit',
    sentence: 'The job reached its time limit.',
    suggestions: ['Ask for more: `--time`.'],
  },
  preempted: {
    code: 'preempted',
    sentence: 'The scheduler ended the job in favour of another.',
    suggestions: ['Start again.'],
  },
};

function plain(about: RecordedJob['role'], state: State): Finding[] {
  const known = ends[state.state];
  if (known) return [{ about, ...known }];
  if (state.state === 'unknown') {
    const silent = /does not answer/.test(state.cause);
    const sentence = silent
      ? 'The scheduler does not answer: how the job is cannot be known now.'
      : `How the job is is not known: ${state.cause}.`;
    return [
      {
        code: silent ? 'scheduler-silent' : 'unknown-state',
        about,
        sentence,
        suggestions: silent ? ['Wait: what runs goes on without it.'] : [],
      },
    ];
  }
  if (state.state === 'cancelled') {
    if (state.by === 'ipcluster') return [];
    return [{ code: 'cancelled', about, sentence: `The job was cancelled by ${state.by}.` }];
  }
  if (state.state === 'lost')
    return [{ code: 'lost', about, sentence: `The job of the ${about} was lost: ${state.reason}.` }];
  // Nobody's code: something has killed it.
  const code = state.state === 'failed' && state.reason.startsWith('killed by') ? 'signal' : 'exited';
  if (state.state === 'failed')
    return [{ code, about, sentence: `The job of the ${about} failed: ${state.reason}.` }];
  if (state.state === 'running') return [];
  // Where it is needed, an end without an error is no success.
  const end = state.state === 'succeeded' ? 'exit code 0' : describeState(state);
  return [{ code: 'not-running', about, sentence: `The job of the ${about} is over: ${end}.` }];
}
