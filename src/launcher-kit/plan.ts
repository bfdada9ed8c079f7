import { writeWhole } from '../base/files.js';
import { quoteCommand, quoteWord } from '../base/shell.js';

/** A file that a launch writes. */
export interface PlannedFile {
  path: string;
  text: string;
  mode: number;
}

/** A command that a launch runs. */
export interface PlannedCommand {
  argv: readonly [program: string, ...args: string[]];
  /** The file that it reads on its input. */
  input?: string;
  /** True for a submit that would wait for the end of its job. */
  waits?: boolean;
}

/** All that a launch would do, as a value: it can be printed, tested and refused. */
export interface LaunchPlan {
  files: PlannedFile[];
  commands: PlannedCommand[];
}

/** A plan for people. */
export function formatPlan({ files, commands }: LaunchPlan): string {
  const written = files.map(({ path, text }) => `# ${path}\n${text}`);
  const run = commands.map(
    ({ argv, input }) => `$ ${quoteCommand(argv)}${input ? ` <${quoteWord(input)}` : ''}`,
  );
  return [...written, ...run].join('\n');
}

/** Writes the files of a plan. */
export function writePlan({ files }: LaunchPlan): void {
  for (const { path, text, mode } of files) writeWhole(path, text, mode);
}
