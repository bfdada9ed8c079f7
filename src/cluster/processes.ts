import { endGroups, sweepMarked } from '../processes/end.js';
import { findMarked, identify, type ProcessInfo } from '../processes/table.js';
import { readClusterFile } from '../profile/cluster-file.js';
import type { Place } from '../profile/paths.js';
import { endCluster } from './stop.js';
import { cancelAll, strayJobs } from './strays.js';

/** One process of ours, as `ps` shows it. */
export interface OwnProcess extends ProcessInfo {
  clusterId: string;
  what: string;
}

/** Processes of that place, from their marks alone: no controller is asked. */
export function listProcesses(place: Place): OwnProcess[] {
  const start = `${place.profileFolder}#${place.clusterId}#`;
  return findMarked((mark) => mark.startsWith(start)).map((info) => ({
    ...info,
    clusterId: place.clusterId,
    what: whatIs(info),
  }));
}

function whatIs({ command, mark }: ProcessInfo & { mark: string }): string {
  const program = /dist\/programs\/(\w+)\.c?js/.exec(command)?.[1];
  if (program === 'ipcontroller') return 'controller';
  if (program === 'ipengine') return 'supervisor';
  if (program === 'engine') return 'engine';
  if (program === 'ipgateway') return 'gateway';
  // An engine of Python is told the name that ends its mark; what it starts inherits the mark alone.
  if (command.includes(`--Session.session=${mark.slice(mark.lastIndexOf('/') + 1)}`)) return 'engine';
  if (/(job(-\d+)?|node)\.sh/.test(command)) return 'job';
  if (/launchers\/ssh\/keeper\.js/.test(command)) return 'tunnels';
  if (program !== undefined) return 'other';
  // A job's own processes carry `run/job`; what an engine starts carries its supervisor and itself as well.
  return mark.slice(mark.lastIndexOf('#')).split('/').length > 2 ? 'task' : 'other';
}

/** Ends everything of that place without asking a controller; answers how many processes that were. */
export async function killProcesses(place: Place): Promise<number> {
  const processes = listProcesses(place);
  const jobs = processes.filter(({ what }) => what === 'job').flatMap(({ pid }) => identify(pid) ?? []);
  await endGroups(jobs, { grace: 3000 });
  await sweepMarked((mark) => mark.startsWith(`${place.profileFolder}#${place.clusterId}#`));
  const file = await readClusterFile(place);
  const { found: strays, silent } = await strayJobs(place, file);
  const { unsure } = await endCluster(place, file, undefined);
  for (const sentence of file ? unsure : [...unsure, ...silent, ...(await cancelAll(strays))])
    process.emitWarning(sentence);
  return processes.length + strays.length;
}
