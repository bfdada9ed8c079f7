import { spawn } from 'node:child_process';

/** What a proof printed, and what it said beside that. */
export interface Proved {
  code: number | null;
  lines: string[];
  said: string;
}

/** Runs one of the proofs, as a command, to its end. */
export function prove(program: string, ...args: string[]): Promise<Proved> {
  const child = spawn(program, args);
  let [out, said] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, lines: out.trim().split('\n'), said })),
  );
}

/** The rows of a table that a proof was asked to print as JSON: they are its last line. */
export async function proveRows<Row>(
  program: string,
  ...args: string[]
): Promise<{ rows: Row[]; said: string }> {
  const { lines, said } = await prove(program, ...args);
  return { rows: JSON.parse(lines.at(-1) || '[]') as Row[], said };
}
