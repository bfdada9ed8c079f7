/** Flags of IPython's program of that name, in words of ours. */
export interface Translated {
  argv: string[];
  /** Flags that mean nothing here, to be named in the log. */
  ignored: string[];
}

/** IPython's flags without meaning here: one store, one scheme, one process, one port, and every address is tried. */
const meaningless = {
  ipcontroller:
    /^--(dictdb|sqlitedb|mongodb|nodb|usethreads|nothreads|scheme|hwm|ports|engine-ports|client-ports|ssh|enginessh|restore|secure|no-secure|ident|user|keyfile|log-to-file|clean-logs|log-url|init|config|ipython-dir|enable-curve|[A-Z]\w*\.\w+)(=.*)?$/,
  ipengine:
    /^--(location|ident|user|keyfile|log-to-file|clean-logs|log-url|init|config|ipython-dir|enable-curve|[A-Z]\w*\.\w+)(=.*)?$/,
};

/** IPython counts levels of the log as Python does. */
const levels: Record<string, string> = { 10: 'debug', 20: 'info', 30: 'warn', 40: 'error', 50: 'error' };

/**
 * Turns the command line of IPython's program into that of ours, so that lines that people have, and IPython's launchers, start this
 * one. What has no meaning here is taken out and named; nothing that is ours is touched, and nothing after `--`.
 */
export function fromIpython(program: keyof typeof meaningless, argv: readonly string[]): Translated {
  const ignored: string[] = [];
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const kept = own.flatMap((word) => {
    const level = /^--log-level=(\d+|[A-Z]+)$/.exec(word)?.[1];
    if (level !== undefined) return [`--log-level=${levels[level] ?? level.toLowerCase().replace('warning', 'warn')}`];
    if (word === '--debug') return ['--log-level=debug'];
    if (word === '--quiet') return ['--log-level=error'];
    if (!meaningless[program].test(word)) return [word];
    ignored.push(word);
    return [];
  });
  return { argv: [...kept, ...(end < 0 ? [] : argv.slice(end))], ignored };
}
