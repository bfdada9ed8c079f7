// Which errors are the truth under which faults. An answer is true when a cause of it was there; anything
// else is counted as untrue.

const engineGone =
  /^(kill|term|stop) (engine|supervisor|controller)|^limit|network$|^restart|^clock|^delete (sockets|memory|connection|registered|key)|^fill|^read-only/;
const controllerGone =
  /^(kill|term|stop) controller|^stop client|network$|^limit|^fill|^read-only|^delete (connection|sockets|key|write)|^clock/;
const diskBad = /^fill|^read-only|^limit|^delete write/;
const anything = /./;

/**
 * Code of an error, and the faults of which one must have been there before it. `cancel` and `restart` are
 * the clients' own.
 */
const causes = {
  ENGINE_DIED: engineGone,
  NO_ENGINES: engineGone,
  NOT_FOUND: engineGone,
  CLOSED: controllerGone,
  CLUSTER_NOT_FOUND: controllerGone,
  CONNECTION_FILE: /^delete (connection|key)|controller$|^limit|^fill|^read-only/,
  CONNECTION_FILE_TIMEOUT: controllerGone,
  UNAUTHORIZED: /^delete (key|connection)|controller$/,
  CERTIFICATE: /^delete key|controller$/,
  UNREACHABLE: controllerGone,
  TIMEOUT: /^stop|network$|^limit|controller$|^fill/,
  STORE: diskBad,
  DISK_FULL: diskBad,
  RESULT_GONE: diskBad,
  TASK_ABORTED: /^cancel/,
  DEPENDENCY: anything,
  // What the user's own code met: a limit, a full disk, a namespace that went with its engine, memory files
  // that were deleted.
  REMOTE: anything,
  LIMITS: /^limit/,
  SYSTEM: /^limit|^fill|^read-only/,
};

/** Words in what user code may say under such faults; other REMOTE errors are nobody's truth. */
const remote = [
  [
    /E(MFILE|NFILE|AGAIN|FBIG|NOSPC|ROFS)|too many open files|resource temporarily unavailable|file too large|no space left/i,
    /^limit|^fill|^read-only/,
  ],
  [/is not defined|is not there/, engineGone],
  [/ENOENT|no such file/i, /^delete memory|^limit|^kill|^stop|^term|network$/],
  [/as planned/, /^never/],
];

/**
 * Why an error is not the truth, or undefined when it is. `before` are the kinds of faults that had begun by
 * then.
 */
export function untrue(error, before, kind = '') {
  const kinds = [...before, ...(kind.startsWith('cancel') || kind === 'graph' ? ['cancel'] : [])];
  if (error.parts?.length) return error.parts.map((part) => untrue(part, before, kind)).find(Boolean);
  const cause = causes[error.code];
  if (!cause) return `${error.code ?? error.name}: ${error.message}`;
  if (!kinds.some((each) => cause.test(each))) return `${error.code} without a cause: ${error.message}`;
  if (error.code !== 'REMOTE') return undefined;
  const known = remote.find(([words]) => words.test(error.message));
  return known && kinds.some((each) => known[1].test(each)) ? undefined : `REMOTE: ${error.message}`;
}

/** Words that nobody should read: a stack, a value that is none, a defect. */
export function uglyIn(text) {
  const line = text
    .split('\n')
    .find((each) =>
      /\bTypeError\b|\bRangeError\b|\bundefined\b|\[object |\bINTERNAL\b|^\s+at .+[:(]\d+|\bNaN\b/.test(each),
    );
  return line?.trim().slice(0, 300);
}
