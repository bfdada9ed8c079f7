import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import type { Given, Settings } from '../config/resolve.js';
import type { SettingKey } from '../config/settings.js';
import type { ClusterFile } from '../profile/cluster-file.js';

/** How many, and where on disk, is a matter of each command. */
const ownOfCommand: readonly SettingKey[] = ['n', 'nodes', 'minEngines', 'workDir', 'urlFile'];
/** What engines are does not depend on the system that starts them. */
const ofEngines: readonly SettingKey[] = [
  'engine',
  'python',
  'restart',
  'timeout',
  'logLevel',
  'engineWrapper',
  'taskWrapper',
];

/**
 * What flags and variables said when a cluster was started: later commands that start jobs of it go on from
 * there.
 */
export function saidBy(values: Settings): Record<string, string> {
  const said = values.all.filter(
    ({ key, text, source }) =>
      text !== undefined && /^(flag|environment)/.test(source) && !ownOfCommand.includes(key),
  );
  return Object.fromEntries(said.map(({ key, text }) => [key, text ?? '']));
}

/**
 * What a command says of settings, and for the rest what the cluster was started with, its launcher first: a
 * cluster of a batch system must not get engines on its login node because a command did not name the
 * launcher again. One that names another launcher takes over only what engines are. Throws USAGE where the
 * cluster's engines are on another machine and this command did not say where to start.
 */
export function asStarted(given: Given, file: ClusterFile | undefined): Given {
  if (!file) return given;
  const said = (file.settings ?? {}) as Given;
  const isOther = given.launcher !== undefined && given.launcher !== file.launcher;
  if (isOther)
    return {
      ...Object.fromEntries(ofEngines.flatMap((key) => (said[key] === undefined ? [] : [[key, said[key]]]))),
      ...given,
    };
  if (given.launcher === undefined) refuseOtherMachine(file);
  const options = file.jobs.find(({ role }) => role === 'engines')?.options ?? [];
  return {
    ...said,
    launcher: file.launcher,
    ...(options.length > 0 && { launcherOptions: options.join('\n') }),
    ...given,
  };
}

/** The same for engines alone: where the controller runs is settled, and its host need be none of theirs. */
export function enginesAsStarted(given: Given, file: ClusterFile | undefined): Given {
  const { controller: _settled, ...settings } = asStarted(given, file);
  return settings;
}

/** What stood after `--` when the cluster was started, where a command says nothing there itself. */
export function wordsAsStarted(
  words: readonly string[] | undefined,
  given: Given,
  file: ClusterFile | undefined,
): readonly string[] {
  const isSame = given.launcher === undefined || given.launcher === file?.launcher;
  return words ?? (isSame ? (file?.extra ?? []) : []);
}

function refuseOtherMachine({ launcher, host }: ClusterFile): void {
  if ((launcher !== 'local' && launcher !== 'here') || host === hostname()) return;
  throw new IpclusterError(
    'USAGE',
    `The engines of this cluster run on ${host} (launcher ${launcher}), and this is ${hostname()}.`,
    {
      suggestions: [
        `Run the command on ${host}.`,
        'Name the launcher all the same: `--launcher local` starts some here.',
      ],
    },
  );
}
