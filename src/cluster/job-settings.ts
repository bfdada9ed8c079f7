import { parseDuration } from '../base/quantities.js';
import type { Settings } from '../config/resolve.js';
import type { StartRequest } from './prepare.js';

type JobSettings = Pick<StartRequest, 'launcher' | 'launcherOptions' | 'controllerArgs' | 'engineArgs' | 'timeout'>;

/** What settings say about jobs that are to be started. */
export function jobSettings(values: Settings): JobSettings {
  return {
    launcher: values.text('launcher') ?? 'local',
    launcherOptions: (values.text('launcherOptions') ?? '').split('\n').filter(Boolean),
    controllerArgs: [
      ...values.flags('ip', 'port', 'location', 'lease', 'idleTimeout', 'logLevel'),
      ...values.flags('keepCount', 'keepBytes', 'keepAge', 'queueTasks', 'queueBytes'),
    ],
    engineArgs: values.flags('restart', 'logLevel'),
    timeout: parseDuration(values.text('timeout') ?? '60s', '--timeout'),
  };
}
