// The ways that a value takes to an engine and back. Each sends, scribbles over what it sent at once, and
// answers what arrived.
import { partsOf, scribble } from './arbitrary.js';

const same = (value) => value;
/** Sends with a view and scribbles before anything else runs. */
const sent = (send, value) => {
  const result = send(value);
  scribble(value);
  return result;
};
/** On the engine: the value is answered, and scribbled over as soon as anything else can run. */
const keeping = Function(
  `return (value) => { ${partsOf}; ${scribble}; setImmediate(scribble, value); return value; }`,
)();
let names = 0;

/** By name: `of` says whether it takes one value, several, or a sequence. */
export const routes = {
  'direct apply': {
    of: 'one',
    run: (client, value) => sent((given) => client.direct(0).apply(same, given), value),
  },
  'balanced apply': {
    of: 'one',
    run: (client, value) => sent((given) => client.balanced().apply(same, given), value),
  },
  'direct result': {
    of: 'one',
    run: (client, value) => sent((given) => client.direct(1).apply(keeping, given), value),
  },
  'balanced result': {
    of: 'one',
    run: (client, value) => sent((given) => client.balanced().apply(keeping, given), value),
  },
  'push, pull': {
    of: 'one',
    async run(client, value) {
      names = (names + 1) % 64;
      const name = `value${names}`;
      await sent((given) => client.direct(1).push({ [name]: given }), value);
      return client.direct(1).pull(name);
    },
  },
  'direct map': {
    of: 'several',
    run: (client, values) => sent((given) => client.direct([0, 1]).map(same, given), values),
  },
  'balanced map': {
    of: 'several',
    run: (client, values) => sent((given) => client.balanced().map(same, given), values),
  },
  'scatter, gather': {
    of: 'sequence',
    async run(client, items) {
      names = (names + 1) % 64;
      const name = `items${names}`;
      await sent((given) => client.direct([0, 1]).scatter(name, given), items);
      return client.direct([0, 1]).gather(name);
    },
  },
};
