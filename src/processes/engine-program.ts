import { IpclusterError } from '../base/errors.js';
import { splitWords } from '../base/shell.js';
import { runTool } from './tool.js';

/**
 * What engines are, where they are not our own: a program that reads IPython's connection file, behind a
 * gateway.
 */
export interface EngineProgram {
  /** What its payloads are written in. */
  language: 'python';
  /** Its command without what each engine is told. */
  words: readonly [string, ...string[]];
  /** True when each engine is to be a process of the MPI job that its supervisor is a rank of. */
  isRank: boolean;
  /**
   * Modules that its interpreter must have, to be looked for before it is started; none for a command that is
   * not known.
   */
  modules: readonly string[];
}

export interface EngineWords {
  /** `node`, `python` with words for the engine, or any other command. */
  engine: string;
  /** The interpreter. */
  python: string;
  /** The module that initialises MPI. */
  mpi?: string | undefined;
  startupScript?: string | undefined;
  startupCommand?: string | undefined;
}

/** Reads what engines shall be; undefined for our own. Throws USAGE for words that contradict one another. */
export function readEngineProgram({
  engine,
  python,
  mpi,
  startupScript,
  startupCommand,
}: EngineWords): EngineProgram | undefined {
  const [first = 'node', ...rest] = splitWords(engine);
  const own = [
    ...(startupScript === undefined ? [] : [`--IPEngine.startup_script=${startupScript}`]),
    ...(startupCommand === undefined ? [] : [`--IPEngine.startup_command=${startupCommand}`]),
  ];
  const wantsPython = own.length > 0 || mpi !== undefined;
  if (first === 'node' && !wantsPython) {
    if (rest.length === 0) return undefined;
    throw new IpclusterError('USAGE', `--engine is "${engine}", but node takes no words.`);
  }
  if (first !== 'python' && first !== 'node') {
    if (wantsPython)
      throw new IpclusterError(
        'USAGE',
        '--mpi, -s and -c are for `--engine python`; give them to your command itself.',
      );
    return { language: 'python', words: [first, ...rest], isRank: false, modules: [] };
  }
  const { words, module } = mpiWords(first === 'python' ? rest : [], mpi);
  return {
    language: 'python',
    words: [python, '-m', 'ipyparallel.engine', ...words, ...own],
    isRank: module !== undefined,
    modules: ['ipyparallel', ...(module === undefined ? [] : [module])],
  };
}

/** IPython's engine knows a flag and one module; another one is imported, which is what initialises MPI. */
function mpiWords(
  words: readonly string[],
  named: string | undefined,
): { words: string[]; module: string | undefined } {
  const kept: string[] = [];
  let module = named;
  for (const word of words) {
    const match = /^--mpi(?:=(.+))?$/.exec(word);
    if (match) module = match[1] ?? 'mpi4py';
    else kept.push(word);
  }
  if (module === undefined) return { words: kept, module };
  if (module === 'mpi4py') return { words: ['--mpi', ...kept], module };
  if (!/^[A-Za-z_][\w.]*$/.test(module))
    throw new IpclusterError('USAGE', `--mpi is "${module}", but must be the name of a module.`);
  return { words: [`--IPEngine.startup_command=import ${module}`, ...kept], module };
}

/**
 * Looks for what the program needs, without starting it. Throws PYTHON with a sentence for what is missing.
 */
export async function checkProgram({ words: [python], modules }: EngineProgram): Promise<void> {
  if (modules.length > 0) await checkPython(python, modules);
}

/** Says which of the modules named an interpreter cannot find; it imports none of them. */
const finder =
  'import importlib.util,sys;print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])';

/** An interpreter that does not answer within this time is on a disk that does not (milliseconds). */
const patience = 20_000;

async function checkPython(python: string, modules: readonly string[]): Promise<void> {
  const { code, stdout, stderr, timedOut } = await runTool({
    argv: [python, '-c', finder, ...modules],
    env: process.env,
    timeout: patience,
  });
  if (code !== 0) {
    const said = stderr.trim().split('\n').at(-1) || (timedOut ? 'it does not answer' : `exit code ${code}`);
    throw new IpclusterError('PYTHON', `${python} cannot be used as an interpreter of Python: ${said}`);
  }
  const [missing] = stdout.trim().split(/\s+/).filter(Boolean);
  if (missing !== undefined) throw new IpclusterError('PYTHON', `${python} has no module ${missing}.`);
}
