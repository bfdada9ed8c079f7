/** A flag of IPython's ipcontroller, in words of ours. */
export interface Translated {
  argv: string[];
  /** Flags that mean nothing here, to be named in the log. */
  ignored: string[];
}

/** IPython's flags without meaning here: one store, one scheme, one process, one port. */
const meaningless =
  /^--(dictdb|sqlitedb|mongodb|nodb|usethreads|nothreads|scheme|hwm|ports|engine-ports|client-ports|ssh|enginessh|restore|secure|no-secure|ident|user|keyfile|log-to-file|clean-logs|log-url|init|config|ipython-dir|enable-curve|[A-Z]\w*\.\w+)(=.*)?$/;

/** IPython counts levels of the log as Python does. */
const levels: Record<string, string> = { 10: 'debug', 20: 'info', 30: 'warn', 40: 'error', 50: 'error' };

/**
 * Turns the command line of IPython's ipcontroller into ours, so that its launchers can start this one. What has no meaning here is
 * taken out and named; nothing that is ours is touched.
 */
export function fromIpython(argv: readonly string[]): Translated {
  const ignored: string[] = [];
  const kept = argv.flatMap((word) => {
    const level = /^--log-level=(\d+|[A-Z]+)$/.exec(word)?.[1];
    if (level !== undefined) return [`--log-level=${levels[level] ?? level.toLowerCase().replace('warning', 'warn')}`];
    if (word === '--debug') return ['--log-level=debug'];
    if (word === '--quiet') return ['--log-level=error'];
    if (!meaningless.test(word)) return [word];
    ignored.push(word);
    return [];
  });
  return { argv: kept, ignored };
}
