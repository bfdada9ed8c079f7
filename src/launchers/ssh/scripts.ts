import { basename, join } from 'node:path';
import { packageRoot, programFile } from '../../base/package.js';
import type { JobSpec } from '../../launcher-kit/contract.js';
import type { PlannedFile } from '../../launcher-kit/plan.js';
import { plainFacts, type ScriptFacts, scriptFiles } from '../../launcher-kit/script.js';
import {
  ownTemplates,
  Raw,
  renderTemplate,
  templateRoot,
  type Values,
} from '../../launcher-kit/templates.js';
import { markVariable } from '../../processes/table.js';
import type { Host } from './hosts.js';
import type { Seat } from './seats.js';

/** What a script on a host answers, by name; undefined where its words are not all there. */
export function readAnswers(stdout: string): ReadonlyMap<string, string> | undefined {
  const [, answers] = stdout.split(/^ipcluster-answers\n/m);
  if (answers === undefined) return undefined;
  const lines = answers.split('\n').filter((line) => line.includes('='));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** True when a script has said its last word (`templates/ssh/facts.hbs`). */
export function isWhole(stdout: string): boolean {
  const begin = stdout.indexOf('\nipcluster-answers\n');
  return begin >= 0 && stdout.includes('\nover=yes\n', begin);
}

/** The longest word that every shell reads (characters): the C shell of BSD has a thousand. */
const longestWord = 800;

/**
 * A script as one line that each shell understands alike, the C shell and fish too: files of a user's may
 * have put another one in the place of that which was asked for. Nothing of it is in an argument list, since
 * `echo` is a word of the shell's own everywhere.
 */
export function forAnyShell(script: string): string {
  const words =
    Buffer.from(script)
      .toString('base64')
      .match(new RegExp(`.{1,${longestWord}}`, 'g')) ?? [];
  return `echo ${words.join(' ')} | tr -d ' ' | base64 -d | /bin/sh -s\n`;
}

/** Renders one of the scripts that are sent to hosts. */
function render(name: string, values: Values, spec?: JobSpec): string {
  return renderTemplate(`ssh/${name}.sh.hbs`, values, [...ownTemplates(spec?.templates), templateRoot()]);
}

/**
 * What is asked of a host first. `probe` is a file here that holds the nonce: who reads it there shares our
 * disk.
 */
export function lookScript(host: Host, probe: string, nonce: string, spec: JobSpec): string {
  const values = {
    probe,
    nonce,
    node: host.node ?? spec.argv[0],
    package: host.package ?? packageRoot(),
    base: host.workDir ?? '/tmp',
    cwd: spec.cwd ?? '/',
  };
  return render('look', { ...values, setup: host.setup.map((line) => new Raw(line)) }, spec);
}

/** True where the job runs a program of this package. */
export const isOurs = ({ argv }: JobSpec): boolean => argv.some((word) => word.startsWith(packageRoot()));

/** The scripts that run on a host, as they are to lie there. */
export function seatFiles(
  spec: JobSpec,
  { host, folder, scripts, tunnel }: Pick<Seat, 'host' | 'folder' | 'scripts' | 'tunnel'>,
): PlannedFile[] {
  const moved = folder !== spec.jobDir;
  const there = host.package ?? packageRoot();
  const words = spec.argv.map((word, index) => {
    if (index === 0) return isOurs(spec) ? (host.node ?? word) : word;
    if (moved && word === spec.needs) return join(folder, basename(word));
    return word.startsWith(packageRoot()) ? there + word.slice(packageRoot().length) : word;
  });
  const address =
    tunnel === undefined ? [] : ['--controller-ip', '127.0.0.1', '--controller-port', String(tunnel)];
  const places = moved ? { IPP_PROFILE_DIR: join(folder, 'profile'), IPCLUSTER_WORK_DIR: folder } : {};
  const own: JobSpec = {
    ...spec,
    argv: [...words, ...address] as unknown as JobSpec['argv'],
    env: { ...spec.env, ...('IPP_PROFILE_DIR' in spec.env ? places : {}), ...host.environment },
    jobDir: folder,
    ...(host.workDir !== undefined && { cwd: host.workDir }),
  };
  const facts: ScriptFacts = {
    ...plainFacts,
    values: {
      setup: host.setup.map((line) => new Raw(line)),
      // Whether Node can be run was seen when the host was looked at.
      check: isOurs(spec) ? ['true'] : ['test', '-x', spec.argv[0]],
      sweep: sweepOf(host),
    },
  };
  return scriptFiles('ssh', own, facts).map((file) => ({
    ...file,
    path: join(scripts, basename(file.path)),
  }));
}

/**
 * What starts the supervisor of a host; with addresses it first sees whether the controller can be reached
 * from there.
 */
export function startScript(
  seat: Seat,
  layout: string,
  files: readonly PlannedFile[],
  meeting?: { addresses: readonly string[]; port: number },
): string {
  return render('start', {
    folder: seat.folder,
    scripts: seat.scripts,
    index: seat.index,
    layout,
    word: seat.host.word,
    private: !seat.shared,
    addresses: meeting?.addresses ?? [],
    port: meeting?.port,
    files: files.map(({ path, text, mode }) => ({ path, text, mode: mode.toString(8) })),
  });
}

const placeOf = ({ folder, index }: Seat): Values => ({ folder, index });

export const stateScript = (seat: Seat): string => render('state', placeOf(seat));

export const signalScript = (seat: Seat, signal: NodeJS.Signals): string =>
  render('signal', { ...placeOf(seat), signal: signal.replace(/^SIG/, '') });

/**
 * Ends a supervisor and whatever carries its mark, and takes its folder away where that is the host's own.
 */
export function endScript(seat: Seat, mark: string): string {
  const { host, shared, index } = seat;
  return render('end', {
    ...placeOf(seat),
    patience: 80,
    mark: `${mark}.${index}`,
    sweep: sweepOf(host),
    private: !shared,
  });
}

/** What ends all that carries a mark, as it is called on that host. */
function sweepOf(host: Host): string[] {
  const program = (host.package ?? packageRoot()) + programFile('sweep').slice(packageRoot().length);
  return [host.node ?? process.execPath, program];
}

/** The mark that the processes of a job carry. */
export const markOfSpec = ({ env }: JobSpec): string => env[markVariable] ?? '';
