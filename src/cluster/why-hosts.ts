import { formatDuration } from '../base/quantities.js';
import { sleep } from '../base/wait.js';
import { readNodeEnds, readNodeNames } from '../launcher-kit/node-ends.js';
import { type ClusterFile, isOfJob, type RecordedJob } from '../profile/cluster-file.js';
import type { EngineRecord, LostSupervisor, StatusContent } from '../protocol/messages.js';
import type { Finding } from './causes.js';
import { launcherOf } from './jobs.js';

/**
 * A supervisor says something every five seconds; silence of this length is none of chance (milliseconds).
 */
const silentAfter = 12_000;

/**
 * Where the controller answers, nobody waits longer than this for the word of a job's system (milliseconds).
 */
const systemTime = 3000;

/** Hosts of which nothing has been heard for a while, with their engines. `silence`: milliseconds. */
export function silentHosts(
  engines: readonly EngineRecord[],
): { host: string; ids: number[]; silence: number }[] {
  const silent = engines.filter(({ silence }) => silence >= silentAfter);
  return [...new Set(silent.map(({ host }) => host))].map((host) => {
    const own = silent.filter((engine) => engine.host === host);
    return { host, ids: own.map(({ id }) => id), silence: Math.max(...own.map(({ silence }) => silence)) };
  });
}

/** Hosts that are silent, and those that are gone without a word of their own, each by name. */
export async function explainHosts(file: ClusterFile | undefined, status: StatusContent): Promise<Finding[]> {
  const isMissing = file !== undefined && status.engines.length < file.engines;
  const silent = silentHosts(status.engines);
  const living = livingHosts(status, silent);
  const gone = isMissing ? await withoutWord(file.jobs, status.lost) : [];
  const nodes = await nodesOfJobs(file?.jobs ?? [], status.engines);
  const hosts = [...silent, ...gone].map(({ host }) => host);
  const down = await downHosts(file?.jobs ?? [], [...new Set([...hosts, ...nodes])]);
  const lost = gone.filter(({ host }) => down.has(host) || !living.has(host));
  return [
    ...[...new Set(lost.map(({ host }) => host))].map((host) => lostFinding(host, lost, down.get(host))),
    ...silent.map(({ host, ids, silence }): Finding => {
      const sentence =
        `Nothing was heard of ${host} (engines ${ids.join(' ')}) for ${formatDuration(silence)}: last ` +
        `heard ${formatDuration(silence)} ago.`;
      const said = down.get(host);
      const bound =
        `Its tasks are given to others after ${formatDuration(status.controller.lease)} of ` +
        'silence (--lease).';
      return {
        ...(said === undefined
          ? { code: 'host-silent', sentence: `${sentence} It hangs, or the network to it is cut. ${bound}` }
          : {
              code: 'node-failed',
              sentence: `${sentence} Its scheduler says that it is down${said && `: ${said}`}. ${bound}`,
            }),
        about: 'engines',
        node: host,
        suggestions: [`Does it answer? \`ping ${host}\``],
      };
    }),
    ...nodes.flatMap((node) => unheard(node, down.get(node), hosts)),
  ];
}

/**
 * The names of nodes where engines of such jobs are, as the jobs' scripts wrote them down, but for those that
 * have ended.
 */
async function nodesOfJobs(
  jobs: readonly RecordedJob[],
  engines: readonly EngineRecord[],
): Promise<string[]> {
  const live = jobs.filter((recorded) => engines.some(({ job }) => isOfJob(job, recorded)));
  const found = live.map(async ({ jobDir }) => {
    const [names = [], ends] = await Promise.all([readNodeNames(jobDir), readNodeEnds(jobDir)]);
    return names.filter((name) => !ends.some(({ node }) => node === name));
  });
  return [...new Set((await Promise.all(found)).flat())];
}

/**
 * A node of which its scheduler hears nothing, while its engines may still speak: it tells sooner or later
 * what it does about it.
 */
function unheard(node: string, said: string | undefined, told: readonly string[]): Finding[] {
  if (said === undefined || told.some((host) => host === node || host.startsWith(`${node}.`))) return [];
  return [
    {
      code: 'node-failed',
      about: 'engines',
      node,
      nodes: [node],
      sentence:
        `The scheduler does not hear of the node ${node}, or calls it down (${said}). Engines that still ` +
        'answer there work on; they may be ended when the node comes back.',
      suggestions: [
        'Take others in their place: `ipcluster engines add`.',
        `Tell the administrators: ${node}.`,
      ],
    },
  ];
}

/** Hosts from which somebody speaks: what is lost there was a process, not the host. */
function livingHosts(
  { engines, controller }: StatusContent,
  silent: readonly { host: string }[],
): Set<string> {
  const speaking = engines.filter(({ host }) => !silent.some((one) => one.host === host));
  return new Set([controller.host, ...speaking.map(({ host }) => host)]);
}

/**
 * Those whose end nobody has written down: a node that could, or the tool that had started it, says better
 * why.
 */
async function withoutWord(
  jobs: readonly RecordedJob[],
  lost: readonly LostSupervisor[],
): Promise<LostSupervisor[]> {
  const found = lost.map(async (one) => {
    const recorded = jobs.find((job) => isOfJob(one.job, job));
    const ends = recorded ? await readNodeEnds(recorded.jobDir) : [];
    return ends.some(({ index, node }) => node === one.host || (index !== undefined && index === one.node))
      ? []
      : [one];
  });
  return (await Promise.all(found)).flat();
}

function lostFinding(host: string, lost: readonly LostSupervisor[], said: string | undefined): Finding {
  const ids = lost.filter((one) => one.host === host).flatMap(({ engines }) => engines);
  const how =
    said === undefined
      ? 'it left without a word: it failed, or was cut off'
      : `its scheduler says that it is down${said && ` (${said})`}`;
  return {
    code: 'node-failed',
    about: 'engines',
    node: host,
    sentence: `The host ${host} is lost with its engines (${ids.join(' ')}): ${how}. The others go on.`,
    suggestions: ['Take others in their place: `ipcluster engines add -n 1`.'],
  };
}

/** Hosts that the systems of those jobs call down, with their words for it. */
async function downHosts(
  jobs: readonly RecordedJob[],
  hosts: readonly string[],
): Promise<Map<string, string>> {
  const down = new Map<string, string>();
  if (hosts.length === 0) return down;
  const systems = new Map(jobs.map((job) => [job.launcher, job]));
  for (const job of systems.values()) {
    const asked = (await launcherOf(job.launcher, job.options ?? [])).downHosts?.(hosts, job);
    const found = await Promise.race([asked, sleep(systemTime).then(() => undefined)]);
    for (const [host, words] of found ?? []) down.set(host, words);
  }
  return down;
}
