import { isAbsolute, resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { parseCount, parseDuration, parseLease } from '../base/quantities.js';
import { type Given, resolveSettings, type Settings } from '../config/resolve.js';
import { flagOf } from '../config/settings.js';
import type { BatchRequest, Launcher } from '../launcher-kit/contract.js';
import { createLauncher, openLauncher, properName } from '../launcher-kit/registry.js';
import { hasScheduler, surroundingSlots, surroundingSystem } from '../launcher-kit/surrounding.js';
import { usableCores } from '../processes/cores.js';
import { readEngineProgram } from '../processes/engine-program.js';
import type { Place } from '../profile/paths.js';
import { batchRequest, durationOf } from './batch-request.js';
import type { JobSettings } from './prepare.js';
import { saidBy } from './started-with.js';

/**
 * Settings as a launcher makes them, with that launcher. Throws LAUNCHER_UNKNOWN, LAUNCHER_OPTIONS, USAGE or
 * CONFIG.
 */
export async function launcherSettings(
  place: Place,
  given: Given,
): Promise<{ values: Settings; launcher: Launcher }> {
  const surrounding = surroundingSystem(process.env);
  const found: Given = { n: String(suitableCount()), ...(surrounding && { launcher: 'here' }) };
  const first = resolveSettings(place, given, process.env, found);
  const definition = await openLauncher(first.text('launcher') ?? 'local');
  const launcher = createLauncher(definition, first.lines('launcherOptions'));
  const n = launcher.reach === 'here' && launcher.slots === undefined ? found.n : launcher.slots?.toString();
  const usual = { of: launcher.name, values: launcher.usual ?? {} };
  return { values: resolveSettings(place, given, process.env, { ...found, n }, usual), launcher };
}

/**
 * On a login node a few engines are enough for anybody; a cluster is what the batch system is for
 * (site-realities, "Limits").
 */
const onLoginNode = 4;

/** How many engines when nobody says: the allocation's places, else the cores that this process may use. */
export function suitableCount(env: NodeJS.ProcessEnv = process.env): number {
  const slots = surroundingSlots(env);
  if (slots !== undefined) return slots;
  const cores = usableCores();
  return hasScheduler(env) && env['IPCLUSTER_JOB'] === undefined ? Math.min(onLoginNode, cores) : cores;
}

/** What settings say about jobs that are to be started; `extra` stood after `--`. */
export function jobSettings(
  values: Settings,
  launcher: Launcher,
  extra: readonly string[] = [],
): JobSettings {
  const { home, controllerHost } = homeOf(values.text('controller') ?? 'here', launcher);
  if (launcher.describe === undefined && extra.length > 0)
    throw new IpclusterError(
      'USAGE',
      `What stands after -- goes to a scheduler, but the launcher ${launcher.name} has none.`,
    );
  const batch = batchRequest(values, extra);
  refuseWordsAroundSite(values, launcher, batch);
  return {
    launcherWord: wordOf(values.text('launcher') ?? launcher.name),
    launcherOptions: values.lines('launcherOptions'),
    settings: saidBy(values),
    launcher,
    home,
    controllerHost,
    batch,
    node: values.text('node'),
    controllerArgs: [
      ...values.flags('ip', 'port', 'location', 'lease', 'idleTimeout', 'gateway', 'logLevel'),
      ...values.flags('keepCount', 'keepBytes', 'keepAge', 'queueTasks', 'queueBytes'),
    ],
    engineArgs: values.flags(
      'engine',
      'python',
      'gateway',
      'restart',
      'logLevel',
      'engineWrapper',
      'taskWrapper',
    ),
    program: readEngineProgram({
      engine: values.text('engine') ?? 'node',
      python: values.text('python') ?? 'python3',
    }),
    timeout: parseDuration(values.text('timeout') ?? '60s', '--timeout'),
    lease: parseLease(values.text('lease') ?? '60s'),
    queueTimeout: durationOf(values, 'queueTimeout'),
    minEngines:
      values.text('minEngines') === undefined
        ? undefined
        : parseCount(values.text('minEngines') ?? '', '--min-engines', 1),
  };
}

/**
 * Where a controller lives, by what its user said. Throws USAGE for words that mean nothing to the launcher.
 */
function homeOf(word: string, launcher: Launcher): Pick<JobSettings, 'home' | 'controllerHost'> {
  if (launcher.hosts?.includes(word)) return { home: 'job', controllerHost: word };
  if (word !== 'here' && word !== 'job' && word !== 'in-job') {
    const hosts = launcher.hosts ? `, or one of the hosts ${launcher.hosts.slice(0, 3).join(', ')} …` : '';
    throw new IpclusterError('USAGE', `--controller is "${word}", but must be here, job or in-job${hosts}.`);
  }
  if (launcher.reach === 'here' && word !== 'here')
    throw new IpclusterError(
      'USAGE',
      `--controller ${word} needs a launcher that has jobs on other machines, such as slurm.`,
    );
  return { home: word, controllerHost: launcher.hosts?.[0] };
}

/** A file is named whole: another process may be somewhere else. */
const wordOf = (word: string): string =>
  word.startsWith('.') || isAbsolute(word) ? resolve(word) : properName(word);

/**
 * How many engines: `-n`, or what nodes and engines for each of them make. Throws USAGE where a launcher
 * needs to be told.
 */
export function engineCount(values: Settings, launcher: Launcher, least = 0): number {
  const text = values.text('n');
  if (text !== undefined) return parseCount(text, '-n', least);
  const [nodes, each] = [values.text('nodes'), values.text('ntasksPerNode')];
  if (nodes !== undefined && each !== undefined) return Number(nodes) * Number(each);
  throw new IpclusterError(
    'USAGE',
    `How many engines? The launcher ${launcher.name} uses other machines, so it wants -n, or --nodes ` +
      'and --ntasks-per-node.',
  );
}

/**
 * What a site demands of a setting is checked of the setting: words that go to the scheduler as they are
 * would go before it unseen. Throws CONFIG.
 */
function refuseWordsAroundSite(values: Settings, launcher: Launcher, batch: BatchRequest): void {
  for (const { key, enforced } of values.all) {
    const word = enforced === undefined ? undefined : launcher.saysOtherwise?.(key, batch);
    if (enforced === undefined || word === undefined) continue;
    throw new IpclusterError('CONFIG', `This site has a rule for ${key}, and \`${word}\` would go past it.`, {
      files: [enforced],
      suggestions: [`Say it as \`${key === 'n' ? '-n' : `--${flagOf(key)}`}\`, or leave it out.`],
    });
  }
}
