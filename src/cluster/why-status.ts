import { formatDuration } from '../base/quantities.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { lastMinute, type StatusContent } from '../protocol/messages.js';
import type { Finding } from './causes.js';

const timesText = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** How an engine ended before it was started again; an earlier controller does not say it. */
function reasonText(reason: string | undefined): string {
  if (reason === undefined) return '';
  return reason === 'restarted' ? ', as somebody asked for it' : `; the last time it had ended so: ${reason}`;
}

/** Which engines are missing because somebody has stopped them. */
function stoppedText(ends: readonly { id: number; reason: string }[]): string {
  const ids = ends.filter(({ reason }) => reason === 'stopped').map(({ id }) => id);
  if (ids.length === 0) return '';
  return (
    `; ${ids.length === 1 ? 'engine' : 'engines'} ${ids.join(' ')} ${ids.length === 1 ? 'was' : 'were'} ` +
    'stopped, as somebody asked for it'
  );
}

/** What the controller itself knows. */
export function explainStatus(
  { controller, engines, givenUp, ends: gone = [], queues }: StatusContent,
  file: ClusterFile | undefined,
): Finding[] {
  const findings: Finding[] = [];
  if (controller.rejoining)
    findings.push({
      code: 'rejoining',
      about: 'controller',
      sentence: 'It was started again and waits for the engines of the one before.',
    });
  if (controller.store.startsWith('memory') || controller.store.startsWith('none'))
    findings.push({
      code: 'store',
      about: 'controller',
      sentence:
        'Tasks and results are kept in memory only, and are lost with the controller: ' +
        `${controller.store}.`,
      suggestions: ['Is the disk full? `df -h`.'],
    });
  for (const { id, reason } of givenUp)
    findings.push({ code: 'given-up', about: 'engines', sentence: `Engine ${id}: ${reason}.` });
  for (const { id, restarts, reason } of engines.filter((engine) => engine.restarts > 0))
    findings.push({
      code: 'restarted',
      about: 'engines',
      sentence: `Engine ${id} has been started again (${timesText(restarts)})${reasonText(reason)}.`,
      suggestions: [`\`ipcluster logs --engine ${id}\``],
    });
  for (const { id, stale } of engines.filter((engine) => engine.stale.length > 0))
    findings.push({
      code: 'stale',
      about: 'engines',
      sentence: `Engine ${id} has loaded files that have changed since: ${stale.join(', ')}.`,
      suggestions: ['`ipcluster engines restart`'],
    });
  const away = engines.filter(({ state }) => state === 'restarting');
  for (const { id, reason } of away)
    findings.push({
      code: 'restarting',
      about: 'engines',
      sentence: `Engine ${id} is being started again: ${reason}.`,
    });
  if (file && engines.length < file.engines)
    findings.push({
      code: 'engines-missing',
      about: 'engines',
      sentence: `${engines.length} of ${file.engines} engines are registered${stoppedText(gone)}.`,
    });
  const waiting = queues.balanced + queues.waiting;
  if (waiting > 0 && engines.length === 0)
    findings.push({
      code: 'no-engine',
      about: 'tasks',
      sentence: `${waiting} tasks wait, and there is no engine.`,
      suggestions: ['`ipcluster engines add -n 4`'],
    });
  const ending = engines.filter(
    ({ deadline }) => deadline !== null && Date.parse(deadline) - Date.now() < lastMinute,
  );
  if (waiting > 0 && engines.length > 0 && ending.length === engines.length)
    findings.push({
      code: 'last-minute',
      about: 'tasks',
      sentence: `${waiting} tasks wait because the jobs of all engines end within a minute.`,
      suggestions: ['Take others: `ipcluster engines add -n 1`.', 'Ask for more time: `--time`.'],
    });
  const unused = engines.filter(({ state }) => state === 'idle');
  const ends = unused.flatMap(({ deadline }) =>
    deadline === null ? [] : [Date.parse(deadline) - Date.now()],
  );
  if (
    queues.balanced > 0 &&
    unused.length > 0 &&
    ends.length === unused.length &&
    ending.length < engines.length
  )
    findings.push({
      code: 'time-left',
      about: 'tasks',
      sentence:
        `${queues.balanced} tasks wait although engines are idle: their time limit is longer than what is ` +
        `left of the engines' jobs (at most ${formatDuration(Math.max(...ends))}), or they are for ` +
        'other engines.',
      suggestions: [
        'Take engines with more time: `ipcluster engines add -n 1 --time 2h`.',
        'A shorter limit: `--time-limit`.',
      ],
    });
  const busy = engines.filter(({ state }) => state === 'busy');
  if (waiting > 0 && engines.length > 0 && busy.length === engines.length) {
    const longest = Math.max(...busy.map(({ since }) => Date.now() - Date.parse(since)));
    findings.push({
      code: 'all-busy',
      about: 'tasks',
      sentence:
        `${waiting} tasks wait because all engines are busy, the longest for ` +
        `${formatDuration(longest)}.`,
      suggestions: [
        'What they run, and for how long: `ipcluster status`.',
        'More engines: `ipcluster engines add -n 1`.',
      ],
    });
  }
  return findings;
}
