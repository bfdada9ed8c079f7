import { Command, Flags } from '@oclif/core';
import { formatBytes, formatDuration } from '../base/quantities.js';
import { sleep } from '../base/wait.js';
import { type ClusterStatus, clusterStatus } from '../cluster/status.js';
import { silentHosts } from '../cluster/why-hosts.js';
import type { EngineRecord } from '../protocol/messages.js';
import { commonFlags, formatTable, interruption, placeOf, print } from './shared.js';
import { inPlace } from './tips.js';

export default class Status extends Command {
  static override summary = 'show controller, engines, queues and jobs';
  static override description = 'The controller answers whatever the engines do.';
  static override flags = {
    watch: Flags.boolean({ char: 'w', description: 'again every second, until Ctrl-C' }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Status);
    const place = placeOf(flags);
    const signal = interruption();
    for (;;) {
      const status = await clusterStatus(place);
      if (flags.watch && !flags.json) process.stdout.write('\x1b[H\x1b[2J');
      print(flags.json, status, inPlace(describe(status)));
      if (!flags.watch) return;
      await sleep(1000, signal);
    }
  }
}

function describe(status: ClusterStatus): string {
  const { profile, clusterId, controller, engines, queues, jobs, problem } = status;
  const lines = [
    `profile ${profile}${clusterId ? `, cluster id ${clusterId}` : ''}: ` +
      `${controller ? 'running' : 'not running'}`,
  ];
  if (status.registered)
    lines.push(
      `${status.registered.engines} engines were registered at ${status.registered.updated}, by the ` +
        `controller's file`,
    );
  if (problem) lines.push(`${problem} (why: \`ipcluster why\`)`);
  if (controller) {
    const { pid, host, addresses, started, memory } = controller;
    lines.push(
      `controller: pid ${pid} on ${host}, ${addresses.join(' ')}, since ${started}, ${formatBytes(memory)}`,
    );
  }
  const ends = describeEnds(status);
  if (ends) lines.push(ends);
  if (queues)
    lines.push(
      `tasks: ${queues.balanced + queues.waiting} waiting, ${queues.running} running, ` +
        `${queues.completed} done; ${queues.direct} direct requests`,
    );
  lines.push(...warnings(status));
  for (const { role, launcher, ids, state } of jobs)
    lines.push(`job: ${role} by ${launcher} ${ids.join(' ')}: ${state}`);
  const inJobs = engines.some(({ job }) => job !== null);
  const isMixed = engines.some(({ language }) => language !== 'javascript');
  const table = [
    [...columns, ...(isMixed ? ['runs'] : []), ...(inJobs ? jobColumns : [])],
    ...engines.map((engine) => [
      ...rowOf(engine),
      ...(isMixed ? [engine.language] : []),
      ...(inJobs ? jobRowOf(engine) : []),
    ]),
  ];
  if (engines.length > 0) lines.push('', formatTable(table));
  return lines.join('\n');
}

/** When all this ends by itself, where it does. */
function describeEnds({ controller, engines }: ClusterStatus): string | undefined {
  const deadlines = engines.flatMap(({ deadline }) => (deadline === null ? [] : [Date.parse(deadline)]));
  const idle = controller?.idleTimeout
    ? `after ${formatDuration(controller.idleTimeout)} without client and work`
    : undefined;
  if (deadlines.length === 0) return idle && `ends ${idle}`;
  const first = Math.min(...deadlines);
  const limit =
    `engines end at ${new Date(first).toISOString()}, in ` +
    `${formatDuration(Math.max(0, first - Date.now()))}`;
  return idle ? `${limit}, or ${idle}` : limit;
}

/** What a user should know without asking why. */
function warnings({ controller, engines, givenUp }: ClusterStatus): string[] {
  const lines = givenUp.map(({ id, reason }) => `engine ${id}: ${reason}`);
  if (controller?.rejoining)
    lines.push('the controller was started again and waits for its engines to come back');
  if (controller && /^(memory|none)/.test(controller.store))
    lines.push(`tasks and results are not on disk: ${controller.store}`);
  for (const { host, ids, silence } of silentHosts(engines))
    lines.push(
      `${host} was last heard ${formatDuration(silence)} ago: engines ${ids.join(' ')} (why: ` +
        `\`ipcluster why\`)`,
    );
  const stale = engines.filter((engine) => engine.stale.length > 0);
  if (stale.length > 0) {
    const files = [...new Set(stale.flatMap((engine) => engine.stale))];
    lines.push(
      `engines ${stale.map(({ id }) => id).join(' ')} have loaded files that have changed since: ` +
        `${files.join(', ')}`,
    );
  }
  return lines;
}

const columns = ['id', 'state', 'for', 'host', 'pid', 'memory', 'queue', 'done', 'restarts', 'task'];

const jobColumns = ['job', 'node', 'cpus', 'gpus'];

const jobRowOf = ({ job, node, cpus, gpus }: EngineRecord): string[] => [
  job ?? '',
  node?.toString() ?? '',
  cpus ?? '',
  gpus ?? '',
];

function rowOf({
  id,
  state,
  since,
  host,
  pid,
  memory,
  queue,
  completed,
  restarts,
  task,
}: EngineRecord): string[] {
  const time = formatDuration(Date.now() - Date.parse(since));
  const size = memory === null ? '' : formatBytes(memory);
  // The process of an engine that somebody else has started is not known.
  return [
    String(id),
    state,
    time,
    host,
    pid > 0 ? String(pid) : '',
    size,
    String(queue),
    String(completed),
    String(restarts),
    task ?? '',
  ];
}
