import type { Phrase } from '../launcher-kit/words.js';

/** What logs say of a machine that has run out of something, and of engines that ended for it. */
export const machineCauses: readonly Phrase[] = [
  {
    words: /ENOSPC|no space left|disk is full|SQLITE_FULL/i,
    code: 'disk-full',
    sentence: 'The disk is full.',
    suggestions: ['`df -h`', 'Another place: `--work-dir`.'],
  },
  {
    words: /EDQUOT|quota exceeded/i,
    code: 'quota',
    sentence: 'Your quota is used up.',
    suggestions: ['`quota -s`', 'Another place: `--work-dir`.'],
  },
  {
    words: /EMFILE|ENFILE|too many open files/i,
    code: 'open-files',
    sentence: 'Too many files are open.',
    suggestions: ['`ulimit -n`'],
  },
  {
    words: /EAGAIN|cannot fork|resource temporarily unavailable/i,
    code: 'processes',
    sentence: 'No more processes or threads may be started.',
    suggestions: ['`ulimit -u`'],
  },
  {
    words: /heap out of memory|ENOMEM|cannot allocate memory|ERR_MEMORY_ALLOCATION/i,
    code: 'out-of-memory',
    sentence: 'Memory ran out.',
    suggestions: ['Fewer engines: `-n`.', '`ulimit -v`'],
  },
  {
    words: /out of memory/i,
    code: 'out-of-memory',
    sentence: 'The kernel killed an engine because memory ran out.',
    suggestions: ['Fewer engines: `-n`.', 'Smaller tasks.'],
  },
  {
    words: /is taken by another program|EADDRINUSE/i,
    code: 'port-taken',
    sentence: 'The port is taken by another program.',
    suggestions: ['`--port 10000-10100`'],
  },
  {
    words:
      /SyntaxError|ERR_UNKNOWN_BUILTIN_MODULE|is not a function or its return value is not iterable|bad option:/i,
    code: 'node-too-old',
    sentence: 'The Node that ran it is not one that ipcluster works with.',
    suggestions: ['Node 20.19 or newer: `node --version`.'],
  },
  {
    words: /ending: no controller for/i,
    code: 'lease-over',
    sentence: 'No controller was there for longer than the lease, so it ended itself and its engines.',
    suggestions: [],
  },
  {
    words: /no engine is left \(the last: stopped/i,
    code: 'engines-stopped',
    sentence: 'Its engines were stopped, as somebody asked for it.',
    suggestions: ['Others: `ipcluster engines add -n 1`.'],
  },
  {
    words: /no engine is left/i,
    code: 'engines-died',
    sentence: 'Its last engine ended, and was not started again.',
    suggestions: ['`ipcluster logs`'],
  },
];
