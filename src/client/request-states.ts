/**
 * What a request can be in, as its client sees it, and what each event makes of it. `docs/requests.md` and a
 * test of every pair are made from this table. A balanced task is never `partly`, a direct request never
 * `committed`: it is kept until it is answered.
 */
export const requestStates = {
  waiting: 'not sent: there is no connection just now',
  sent: 'on its way; the client keeps its message',
  committed: 'a balanced task that the controller has on its disk; the client has let go of its message',
  partly: 'a direct request that some engines have answered',
  resuming: 'the controller is there again, and was asked what it knows of it',
  over: 'settled: with a value, an error or a cancel',
} as const;

export type RequestState = keyof typeof requestStates;

/**
 * One event: what happens, and what the request is then, for balanced tasks and for direct requests to two
 * engines.
 */
export interface RequestEvent {
  what: string;
  balanced: Partial<Record<RequestState, RequestState>>;
  direct: Partial<Record<RequestState, RequestState>>;
}

type Moves = RequestEvent['balanced'];

/** Any answer ends a balanced task. */
const answered: Moves = { waiting: 'over', sent: 'over', committed: 'over', resuming: 'over' };
/** One of two engines has answered: the request is over when the other had before. */
const oneOfTwo: Moves = { sent: 'partly', partly: 'over' };
const ended: Moves = { waiting: 'over', sent: 'over', committed: 'over', partly: 'over', resuming: 'over' };
/** The controller has said what it knows. */
const back: Moves = { waiting: 'sent', resuming: 'sent' };
const known: Moves = { ...back, sent: 'committed', resuming: 'committed' };

/** Events by name. A state that an event does not name stays as it is. */
export const requestEvents = {
  ok: { what: 'an engine answers with a value', balanced: answered, direct: oneOfTwo },
  error: {
    what: 'an engine answers with an error, or the controller in its place',
    balanced: answered,
    direct: oneOfTwo,
  },
  aborted: {
    what: 'an engine, or the controller, answers that it was cancelled',
    balanced: answered,
    direct: oneOfTwo,
  },
  unreadable: {
    what: 'an answer that cannot be read: that is its error',
    balanced: answered,
    direct: oneOfTwo,
  },
  badValue: {
    what: 'an answer whose value cannot be read: that is its error',
    balanced: answered,
    direct: oneOfTwo,
  },
  forAll: { what: 'the controller answers for all engines at once', balanced: answered, direct: ended },
  stranger: {
    what: 'an engine answers that was not asked; of a task any may',
    balanced: answered,
    direct: {},
  },
  twice: { what: 'the first answer comes twice', balanced: answered, direct: { sent: 'partly' } },
  output: { what: 'its code has written something', balanced: {}, direct: {} },
  badOutput: { what: 'output that cannot be read: a notice stands in its place', balanced: {}, direct: {} },
  engineLeft: {
    what: 'an engine left: the controller answers in its place, or gives the task to another',
    balanced: {},
    direct: {},
  },
  cancel: {
    what: 'its user cancels it: the controller is asked, and the answer ends it',
    balanced: {},
    direct: {},
  },
  committed: { what: 'the controller has committed it', balanced: { sent: 'committed' }, direct: {} },
  tooMany: {
    what: 'the controller says that it has committed more than was sent',
    balanced: { sent: 'committed' },
    direct: {},
  },
  known: {
    what: "the controller is there again and knows it: a task is in the store's file",
    balanced: known,
    direct: back,
  },
  knownInMemory: {
    what: 'the controller is there again and knows it, but its store has no disk: a task is kept here',
    balanced: back,
    direct: back,
  },
  inMemory: {
    what: 'the controller has it, but not in the file of its store: a task is kept here',
    balanced: {},
    direct: {},
  },
  unknown: {
    what:
      'the controller is there again and has never heard of it: it is sent again where its message ' +
      'is still here',
    balanced: { ...back, committed: 'over' },
    direct: { waiting: 'sent', sent: 'over', partly: 'over', resuming: 'over' },
  },
  lostSame: {
    what: 'the controller is there again, its engines are the same and never had it: it is sent again',
    balanced: known,
    direct: back,
  },
  lostGone: {
    what: 'the controller is there again, and its engines are not',
    balanced: known,
    direct: { waiting: 'sent', sent: 'over', partly: 'over', resuming: 'over' },
  },
  brokenAgain: {
    what: 'the connection breaks again while the controller is asked',
    balanced: { resuming: 'sent' },
    direct: { resuming: 'sent' },
  },
  over: {
    what: 'the connection is over for good: a farewell, or nobody there for a lease',
    balanced: ended,
    direct: ended,
  },
} as const satisfies Record<string, RequestEvent>;
