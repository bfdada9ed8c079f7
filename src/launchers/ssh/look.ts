import { IpclusterError } from '../../base/errors.js';
import { packageRoot, packageVersion } from '../../base/package.js';
import type { JobSpec, Verdict } from '../../launcher-kit/contract.js';
import { checkLimits } from '../../launcher-kit/limits.js';
import type { Connection } from './connection.js';
import { HostError } from './connection.js';
import type { Host } from './hosts.js';
import { isOurs, lookScript, readAnswers } from './scripts.js';

/** What a host says of itself. */
export interface Look {
  cores: number;
  /** Its number for our user. */
  user: number;
  /** True where it sees this machine's folder of the job. */
  shared: boolean;
  /** Where its engines run, as its user has said it; undefined where he has not. */
  workDir: string | undefined;
  /** False where the folder that the start was typed in is not there. */
  hasFolder: boolean;
  /** True where somebody else has the name of our folder for what is temporary. */
  taken: boolean;
  answers: ReadonlyMap<string, string>;
}

/** One step on a host may take so long (milliseconds). */
const stepTime = 30_000;
/** Less room than this is as good as none (kilobytes). */
const leastRoom = 16 * 1024;

/** Runs a script and reads its answers. Throws {@link HostError} for a shell that says something else. */
export async function ask(
  connection: Connection,
  script: string,
  timeout = stepTime,
): Promise<ReadonlyMap<string, string>> {
  const { stdout, stderr, timedOut } = await connection.run(script, timeout);
  const answers = readAnswers(stdout);
  if (answers) return answers;
  const said = (stderr || stdout).trim().split('\n').at(-1) ?? '';
  const verdict: Verdict = timedOut
    ? {
        code: 'host-timeout',
        sentence: `It let us in, but a command took longer than ${timeout / 1000} s there.`,
        suggestions: ['Is its disk hung? `ssh HOST ls`'],
      }
    : {
        code: 'host-shell',
        sentence: `It let us in, but its shell does not do what it is told (${said}).`,
        suggestions: ['`ssh HOST /bin/sh -c true`'],
      };
  throw new HostError(verdict);
}

/** Looks at a host. Throws {@link HostError}. */
export async function lookAt(
  connection: Connection,
  host: Host,
  probe: string,
  nonce: string,
  spec: JobSpec,
): Promise<Look> {
  const answers = await ask(connection, lookScript(host, probe, nonce, spec));
  return {
    cores: Number(answers.get('cores')) || 1,
    user: Number(answers.get('user') ?? Number.NaN),
    shared: answers.get('shared') === 'yes',
    taken: answers.get('taken') === 'yes',
    workDir: host.workDir === undefined ? undefined : (answers.get('base') ?? host.workDir),
    hasFolder: host.workDir !== undefined || answers.get('cwd') === 'yes',
    answers,
  };
}

/** Why a host cannot take so many engines; undefined where it can. */
export function judge(
  { answers, shared, workDir }: Look,
  host: Host,
  share: number,
  spec: JobSpec,
): Verdict | undefined {
  const verdict = (code: string, sentence: string, ...suggestions: string[]): Verdict => ({
    code,
    sentence,
    suggestions,
  });
  if (!answers.get('bash')) return verdict('host-shell', 'There is no bash.', 'Install it.');
  // On a disk of its own it is made, with all else that is ours there.
  if (workDir !== undefined && shared && answers.get('folder') !== 'yes')
    return verdict(
      'no-folder',
      `There is no folder ${workDir} (work-dir in the file of hosts).`,
      `\`ssh ${host.name} mkdir -p ${workDir}\``,
    );
  const room = Number(answers.get('disk') || Number.NaN);
  if (room < leastRoom)
    return verdict(
      'disk-full',
      `The disk of ${workDir ?? '/tmp'} is full.`,
      '`df -h` there',
      'Another place: `work-dir=` in the file of hosts.',
    );
  if (!isOurs(spec)) return undefined;
  if (spec.host !== undefined && answers.get('shared') !== 'yes')
    return verdict(
      'folder-not-shared',
      'It does not see the folder of the profile, where a controller writes its connection files.',
      'A host that does, or `--controller here`.',
    );
  const missing = answers.get('missing');
  if (missing !== undefined)
    return verdict(
      'node-missing',
      `Node is not there, or cannot be run (${missing}).`,
      'Say where it is: `node=PATH` in the file of hosts.',
      'Load what brings it: `setup=LINE`.',
    );
  const [major = 0, minor = 0] = (answers.get('node') ?? '').replace('v', '').split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return verdict(
      'node-too-old',
      `Node is ${answers.get('node')} there.`,
      'Node 20.19 or newer: `node=PATH` in the file of hosts.',
    );
  const version = answers.get('version') ?? '';
  if (version === '')
    return verdict(
      'package-missing',
      `ipcluster is not at ${host.package ?? packageRoot()} there.`,
      'Install it there, or say where it is: `package=PATH` in the file of hosts.',
    );
  if (version !== packageVersion())
    return verdict(
      'wrong-version',
      `ipcluster is ${version} there, but ${packageVersion()} here.`,
      'Install the same.',
    );
  return judgeLimits(answers, share);
}

function judgeLimits(answers: ReadonlyMap<string, string>, share: number): Verdict | undefined {
  const limit = (name: string, unit: number): number | undefined => {
    const value = Number(answers.get(name) ?? Number.NaN) * unit;
    return Number.isFinite(value) ? value : undefined;
  };
  try {
    const own = { files: limit('files', 1), addressSpace: limit('space', 1024) };
    checkLimits(share, { ...own, processes: undefined, processesNow: 0, memory: undefined, memoryNow: 0 });
    return undefined;
  } catch (error) {
    if (error instanceof IpclusterError)
      return {
        code: 'limits',
        sentence: error.message,
        suggestions: ['Fewer engines: `slots=N` in the file of hosts.'],
      };
    throw error;
  }
}
