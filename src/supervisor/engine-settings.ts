import type { EngineProgram } from '../processes/engine-program.js';
import type { Placement } from '../processes/placement.js';

/** Where engines are started and what they are told. */
export interface EngineSettings {
  socketPath: string;
  logFolder: string;
  mark: string;
  workFolder: string;
  /** What of the node belongs to each engine, by place; none where they share. */
  placements: readonly Placement[];
  /** What an engine's command begins with: a container, for example. */
  wrapper: readonly string[];
  /** What engines are, and how they reach their gateway; undefined for our own. */
  foreign: ForeignEngines | undefined;
}

/** Engines that are not our own program. */
export interface ForeignEngines {
  program: EngineProgram;
  /** IPython's connection file of the node's gateway. */
  file: string;
  profileFolder: string;
  /** Milliseconds until an engine must have its id. */
  timeout: number;
}
