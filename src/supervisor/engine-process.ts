import { programFile } from '../base/package.js';
import { oomScores, setOomScore, taskEnvironment } from '../processes/environment.js';
import { type Placement, placementOf } from '../processes/placement.js';
import { type Started, startProcess } from '../processes/start.js';
import { markVariable } from '../processes/table.js';
import { engineCommand } from './engine-command.js';
import type { EngineSettings, ForeignEngines } from './engine-settings.js';

/** What of an engine its process needs to know. */
interface Engine {
  uuid: string;
  foreign: ForeignEngines | undefined;
  placement: Placement | undefined;
  /** Takes what it writes behind its code's back. */
  logFile: string;
  /** What everything that it starts can be found by, given the mark of its supervisor. */
  markOf(mark: string): string;
}

/** Starts the process of an engine. Rejects with what the system says. */
export async function startEngine(
  engine: Engine,
  { socketPath, mark, workFolder, wrapper }: EngineSettings,
): Promise<Started> {
  const { foreign, uuid, logFile } = engine;
  const { prefix, env } = placementOf(engine.placement, process.env);
  const [first, ...rest] = foreign ? engineCommand(foreign, uuid) : ownCommand(socketPath, uuid);
  const [program = first, ...words] = [...prefix, ...wrapper, first];
  const inherited = foreign?.program.isRank ? process.env : taskEnvironment(process.env);
  const started = await startProcess({
    argv: [program, ...words, ...rest],
    // One thread for file and crypto work is plenty beside user code, and 64 engines must fit the limits of a
    // machine.
    env: { ...inherited, ...env, UV_THREADPOOL_SIZE: '1', [markVariable]: engine.markOf(mark) },
    cwd: workFolder,
    stdout: logFile,
    stderr: logFile,
  });
  setOomScore(started.pid, oomScores.engine);
  return started;
}

function ownCommand(socketPath: string, uuid: string): [string, ...string[]] {
  const flags = ['--v8-pool-size=1', '--disable-warning=ExperimentalWarning'];
  return [process.execPath, ...flags, programFile('engine', 'cjs'), socketPath, uuid];
}
