import { runTool, type ToolOptions, type ToolOutcome } from '../processes/tool.js';
import { questionTime } from './patience.js';
import { queryEnvironment } from './tool-environment.js';

/** Asks a system by one of its commands, which changes nothing: what hangs is ended, with this program at the latest. */
export const askTool = (argv: ToolOptions['argv'], env = process.env): Promise<ToolOutcome> =>
  runTool({ argv, env: queryEnvironment(env), timeout: questionTime, isQuestion: true });
