import { Command, Flags } from '@oclif/core';
import { formatDuration } from '../base/quantities.js';
import { sleep } from '../base/wait.js';
import { type ClusterStatus, clusterStatus } from '../cluster/status.js';
import { commonFlags, formatTable, interruption, placeOf, print } from './shared.js';

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
      print(flags.json, status, describe(status));
      if (!flags.watch) return;
      await sleep(1000, signal);
    }
  }
}

function describe({ profile, clusterId, controller, engines, queues, jobs, problem }: ClusterStatus): string {
  const lines = [`profile ${profile}${clusterId ? `, cluster id ${clusterId}` : ''}: ${controller ? 'running' : 'not running'}`];
  if (problem) lines.push(problem);
  if (controller) {
    lines.push(
      `controller: pid ${controller.pid} on ${controller.host}, ${controller.addresses.join(' ')}, since ${controller.started}`,
    );
  }
  if (queues)
    lines.push(
      `tasks: ${queues.balanced + queues.waiting} waiting, ${queues.running} running, ${queues.completed} done; ${queues.direct} direct requests`,
    );
  for (const { role, launcher, ids, state } of jobs) lines.push(`job: ${role} by ${launcher} ${ids.join(' ')}: ${state}`);
  if (engines.length > 0) {
    const rows = engines.map(({ id, state, since, host, pid, task, queue, completed }) => [
      ...[
        String(id),
        state,
        formatDuration(Date.now() - Date.parse(since)),
        host,
        String(pid),
        String(queue),
        String(completed),
        task ?? '',
      ],
    ]);
    lines.push('', formatTable([['id', 'state', 'for', 'host', 'pid', 'queue', 'done', 'task'], ...rows]));
  }
  return lines.join('\n');
}
