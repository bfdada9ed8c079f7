// A launcher from outside the package: one file and one template make a batch system that nobody has heard
// of. Its commands are those of the stand-in for LSF, called by other names.
import { defineBatchLauncher, z } from '../../dist/launcher-kit/contract.js';

const rows = (text) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('|'));
const states = { PEND: 'queued', RUN: 'running', DONE: 'succeeded' };

export default defineBatchLauncher({
  name: 'throw-away',
  summary: 'a batch system of one test',
  templates: new URL('./throw-away', import.meta.url).pathname,
  options: z.object({ colour: z.string().optional().describe('of nothing') }).omit({ colour: true }),
  dialect: () => ({
    prefix: '#BSUB',
    shape: 'gang',
    firstIndex: 1,
    largestArray: 10,
    refuses: {},
    detect: { argv: ['bsub', '-V'], parse: ({ code }) => (code === 127 ? 'It is not here.' : '') },
    directives: ({ name, count, range }) => [
      ['-J', range ? `${name}[${range.first}-${range.last}]` : name],
      ['-n', String(count)],
    ],
    formatDirective: ([option, value]) => `${option} ${value}`,
    submit: () => ({ argv: ['bsub'], onInput: true }),
    parseJobId: (text) => /<(\d+)>/.exec(text)?.[1],
    refusal: () => undefined,
    isSilence: () => false,
    find: (names) => ({
      argv: ['bjobs', '-o', 'jobid job_name'],
      parse: ({ stdout }) =>
        rows(stdout)
          .map(([id, name]) => ({ id, name }))
          .filter(({ name }) => name.startsWith(names)),
    }),
    status: (ids) => [
      {
        argv: ['bjobs', '-a', ...ids],
        parse: ({ stdout }) =>
          rows(stdout).map(([id, , word, exit]) => ({
            id,
            incarnation: 0,
            state: states[word] ? { state: states[word] } : { state: 'failed', reason: `exit code ${exit}` },
          })),
      },
    ],
    cancel: (ids) => ['bkill', ...ids],
    signal: (ids, name) => ['bkill', '-s', name.slice(3), ...ids],
    explainReason: () => undefined,
  }),
});
