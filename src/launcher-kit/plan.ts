import { writeWhole } from '../base/files.js';
import { quoteCommand } from '../base/shell.js';

/** A file that a launch writes. */
export interface PlannedFile {
  path: string;
  text: string;
  mode: number;
}

/** A command that a launch runs. */
export interface PlannedCommand {
  argv: readonly [program: string, ...args: string[]];
  cwd?: string;
}

/** All that a launch would do, as a value: it can be printed, tested and refused. */
export interface LaunchPlan {
  files: PlannedFile[];
  commands: PlannedCommand[];
}

/** A plan for people. */
export function formatPlan({ files, commands }: LaunchPlan): string {
  const written = files.map(({ path, text }) => `# ${path}\n${text}`);
  const run = commands.map(({ argv }) => `$ ${quoteCommand(argv)}`);
  return [...written, ...run].join('\n');
}

/** Writes the files of a plan. */
export function writePlan({ files }: LaunchPlan): void {
  for (const { path, text, mode } of files) writeWhole(path, text, mode);
}
