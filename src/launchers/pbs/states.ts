import { describeCode, signalName } from '../../base/signal-names.js';
import type { Question, Report } from '../../launcher-kit/batch.js';
import { isFinal, type State } from '../../launcher-kit/states.js';
import { heldForGood } from './words.js';

/**
 * Blocks of `qstat -f`: long values go on in lines that begin with a tab (JSON is often none: scheduler-facts
 * 3).
 */
export function parseBlocks(text: string): { id: string; fields: Map<string, string> }[] {
  const blocks: { id: string; fields: Map<string, string> }[] = [];
  for (const line of text.replaceAll('\n\t', '').split('\n')) {
    const id = /^Job Id:\s*(\S+)/.exec(line)?.[1];
    if (id) blocks.push({ id, fields: new Map() });
    const [, key, value = ''] = /^\s+([\w.]+) = (.*)$/.exec(line) ?? [];
    if (key) blocks.at(-1)?.fields.set(key, value.trim());
  }
  return blocks;
}

/** What a job or subjob is (pbs_job_attributes(7B), qstat(1B); C is Torque's word for F). */
function pbsState(fields: ReadonlyMap<string, string>): State {
  const [letter = '', exit, comment = ''] = [
    fields.get('job_state'),
    fields.get('Exit_status') ?? fields.get('exit_status'),
    fields.get('comment'),
  ];
  const hosts = fields
    .get('exec_host')
    ?.split('+')
    .map((place) => place.replace(/\/.*/, ''));
  if (letter === 'Q' || letter === 'T' || letter === 'M')
    return { state: 'queued', ...(comment && { reason: comment }) };
  if (letter === 'H' && heldForGood.test(comment)) return { state: 'failed', reason: comment };
  if (letter === 'H' || letter === 'W')
    return { state: 'held', reason: comment || (letter === 'H' ? 'Held' : 'its time has not come') };
  if (letter === 'R' || letter === 'B')
    return { state: 'running', ...(hosts && { hosts: [...new Set(hosts)] }) };
  if (letter === 'S' || letter === 'U') return { state: 'suspended' };
  if (letter === 'E') return { state: 'ending' };
  if (letter === 'F' || letter === 'X' || letter === 'C')
    return finalState(exit, fields.get('substate'), comment);
  return { state: 'unknown', since: new Date().toISOString(), cause: `PBS says "${letter}"` };
}

/** The exit status of a job that was ended by signal n is 256 + n (WTERMSIG + 0x100 in both systems' MoM). */
const signalBase = 256;

/**
 * Exit_status: 0–255, 256 + signal, or negative for PBS itself (scheduler-facts 4); substate 91 is "deleted".
 */
function finalState(exit: string | undefined, substate: string | undefined, comment: string): State {
  if (substate === '91') return { state: 'cancelled', by: 'somebody (qdel)' };
  // What never ran has no exit status; 92 without one is a dependency that cannot be met any more (recorded).
  if (exit === undefined) return { state: 'failed', reason: 'dependency' };
  const code = Number(exit);
  // An array whose own status is 0 may hold a subjob that failed (recorded).
  if (code === 0 && substate === '93') return { state: 'failed', reason: 'a subjob failed' };
  if (code === 0) return { state: 'succeeded' };
  if (code === -29 || (code === -11 && /walltime/.test(comment))) return { state: 'expired' };
  // Torque has no substate for what was deleted: its TERM is all that tells of it. Elsewhere somebody sent
  // that signal.
  if (code === signalBase + 15 && substate === undefined)
    return { state: 'cancelled', by: 'somebody (qdel)' };
  if (code < 0 || Number.isNaN(code)) return { state: 'failed', reason: `exit status ${exit}` };
  if (signalName(code - signalBase) === undefined)
    return { state: 'failed', exitCode: code, reason: describeCode(code) };
  return { state: 'failed', exitCode: code - 128, reason: describeCode(code - 128) };
}

/**
 * Which hosts are down (pbsnodes(8B)): blocks of a name and its fields; unknown ones are said on the way, and
 * change nothing.
 */
export const pbsnodes = (hosts: readonly string[]): Question<Map<string, string>> => ({
  argv: ['pbsnodes', ...hosts],
  parse({ stdout }) {
    const down = new Map<string, string>();
    for (const block of stdout.split(/\n(?=\S)/)) {
      const name = /^(\S+)\n/.exec(block)?.[1];
      const state = /^\s+state = (.*)$/m.exec(block)?.[1] ?? '';
      const comment = /^\s+comment = (.*)$/m.exec(block)?.[1];
      // Two states may stand together: `state-unknown,down`, `down,offline`.
      // Asked by its short name or its long one, it answers to the one that PBS has.
      const host = hosts.find((one) => one === name || one.split('.')[0] === name?.split('.')[0]);
      if (host && /\bdown\b/.test(state)) down.set(host, comment ?? state);
    }
    return down;
  },
});

const elementOf = (id: string): string | undefined => /\[(\d+)\]/.exec(id)?.[1];
const parentOf = (id: string): string => id.replace(/\[\d*\]/, '[]');

/** The question how those jobs are (qstat(1B)). */
export const qstat = (ids: readonly string[], flags: readonly string[]): Question<Report[]> => ({
  argv: ['qstat', ...flags, ...ids],
  parse({ code, stdout, stderr }) {
    // 153 and 35: some are unknown or finished; what is printed is right for the others (scheduler-facts 3).
    if (code !== 0 && code !== 153 && code !== 35) return undefined;
    if (code !== 0 && !/unknown job|has finished/i.test(stderr + stdout)) return undefined;
    const blocks = parseBlocks(stdout);
    return blocks.flatMap(({ id, fields }): Report[] => {
      const element = elementOf(id);
      // Short ids come back with the server's name.
      const own =
        ids.find((known) => known === parentOf(id) || parentOf(id).startsWith(`${known}.`)) ?? parentOf(id);
      const isParent =
        id.includes('[]') && blocks.some((block) => block.id !== id && parentOf(block.id) === id);
      if (isParent) return [];
      const state = pbsState(fields);
      const runs = Number(fields.get('run_count') ?? 0);
      const incarnation = state.state === 'queued' || state.state === 'held' ? runs : Math.max(0, runs - 1);
      // It has failed for good, but is in the queue until somebody deletes it.
      const stays = isFinal(state) && fields.get('job_state') === 'H';
      return [
        {
          id: own,
          incarnation,
          state,
          ...(element !== undefined && { element }),
          ...(stays && { stays }),
          ...estimate(fields),
        },
      ];
    });
  },
});

function estimate(fields: ReadonlyMap<string, string>): { start?: string } {
  const start = fields.get('estimated.start_time');
  return start ? { start } : {};
}
