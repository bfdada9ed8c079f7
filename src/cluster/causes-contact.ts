import type { Phrase } from '../launcher-kit/words.js';

/** What logs say of engines that cannot reach their controller, or have no interpreter. */
export const contactCauses: readonly Phrase[] = [
  {
    words: /does not accept this token/,
    code: 'wrong-token',
    sentence: 'The controller does not accept the token: its connection file is of another start.',
    suggestions: ['`ipcluster stop`, and start again.'],
  },
  {
    words: /another program answers at port|certificate/i,
    code: 'wrong-certificate',
    sentence: 'Something else answers where the controller should be.',
    suggestions: ['`ipcluster stop`, and start again.'],
  },
  {
    words: /The controller cannot be reached/,
    code: 'unreachable',
    sentence: 'Engines run, but cannot reach the controller.',
    suggestions: ['Listen where they can: `--ip ADDRESS`.', 'Put it beside them: `--controller in-job`.'],
  },
  {
    words: /No connection file after/,
    code: 'file-not-seen',
    sentence: 'Engines run, but do not see their connection file.',
    suggestions: ['A folder that the compute nodes see: `--work-dir`.'],
  },
  {
    words: /has started .* again \(run|The time of .* was over/,
    code: 'superseded',
    sentence: 'The scheduler has started the job again; this is an earlier run of it.',
    suggestions: [],
  },
  {
    words: /has no module ipyparallel|No module named '?ipyparallel/,
    code: 'no-ipyparallel',
    sentence: 'The interpreter of the engines has no ipyparallel.',
    suggestions: ['`PATH -m pip install ipyparallel`', 'Another interpreter: `--python PATH`.'],
  },
  {
    words: /cannot be used as an interpreter of Python/,
    code: 'no-python',
    sentence: 'The interpreter of the engines cannot be run there.',
    suggestions: [
      'The one that is there: `--python PATH`.',
      'Load what brings it: `--modules NAME`, `--conda NAME` or `--venv PATH`.',
    ],
  },
  {
    words: /has no module \S+\.|ModuleNotFoundError: No module named/,
    code: 'no-module',
    sentence: 'The interpreter of the engines lacks a module.',
    suggestions: ['Install it, or name an interpreter that has it: `--python PATH`.'],
  },
];
