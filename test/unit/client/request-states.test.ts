import { describe, expect, test } from 'vitest';
import { IpclusterError } from '../../../src/base/errors.js';
import { deferred } from '../../../src/base/wait.js';
import { AsyncResult } from '../../../src/client/async-result.js';
import type { Connection } from '../../../src/client/connection.js';
import {
  type RequestEvent,
  type RequestState,
  requestEvents,
  requestStates,
} from '../../../src/client/request-states.js';
import { Requests } from '../../../src/client/requests.js';
import { Session } from '../../../src/protocol/message.js';
import { encodeValue } from '../../../src/protocol/values.js';
import type { Peer } from '../../../src/transport/peer.js';

type EventName = keyof typeof requestEvents;
type Kind = 'balanced' | 'direct';
const states = Object.keys(requestStates) as RequestState[];
const events = Object.keys(requestEvents) as EventName[];
const possible = (kind: Kind, state: RequestState): boolean =>
  state !== (kind === 'balanced' ? 'partly' : 'committed');

/** A request on a connection that does what the test says, and all that its user can see of it. */
class Bed {
  readonly engines = new Session('engine');
  connected = true;
  over: IpclusterError | undefined;
  readonly requests: Requests;
  readonly parts: number[] = [];
  readonly result: AsyncResult<unknown>;
  readonly id: string;
  cancelled: string[] = [];
  #answer = deferred<unknown>();
  resumed: Promise<unknown> | undefined;

  constructor(kind: Kind, state: RequestState) {
    const connection = {
      session: new Session('client'),
      local: false,
      file: { memory: '' },
      send: () => {
        if (this.over) throw this.over;
        return this.connected;
      },
    };
    Object.defineProperty(connection, 'open', { get: () => !this.over });
    this.requests = new Requests(connection as unknown as Connection);
    const to = kind === 'direct' ? [0, 1] : undefined;
    this.result = new AsyncResult<unknown>(
      to?.length ?? 1,
      (values) => values,
      async (ids) => {
        this.cancelled = ids;
        return {};
      },
    );
    this.connected = state !== 'waiting';
    this.id = this.requests.send({ type: 'execute_request', content: { code: '1' } }, to, {
      answer: ({ position, outcome, engineId }) => {
        this.parts.push(position);
        this.result.settle(position, 'error' in outcome ? outcome : { value: outcome.value }, engineId);
      },
      output: (event) => this.result.write(event),
    });
    this.result.ids.push(this.id);
    if (state === 'committed') this.requests.accept(1);
    if (state === 'partly' || state === 'over') this.reply({ status: 'ok' }, 0);
    if (state === 'over' && kind === 'direct') this.reply({ status: 'ok' }, 1);
    if (state === 'resuming') this.#resume();
  }

  reply(content: object, from: number | undefined, buffers = encodeValue(1), raw?: Buffer): void {
    const body =
      raw ??
      Buffer.concat(this.engines.encode({ type: 'execute_reply', content: content as never, buffers }));
    this.requests.receive({
      route: { channel: 'reply', id: this.id, status: 'ok', ...(from !== undefined && { from }) },
      body,
    });
  }

  output(raw?: Buffer): void {
    const body =
      raw ?? Buffer.concat(this.engines.encode({ type: 'stream', content: { name: 'stdout', text: 'x' } }));
    this.requests.receive({ route: { channel: 'output', id: this.id, session: 'client', from: 0 }, body });
  }

  #resume(): void {
    const peer = { request: () => this.#answer.promise, link: { send: () => {} } };
    this.resumed = this.requests
      .resume(
        peer as unknown as Peer,
        new Map([
          [0, 'a'],
          [1, 'b'],
        ]),
      )
      .catch(() => {});
  }

  /** The controller is there again, and says so much. */
  async back(
    said: { unknown?: string[]; memory?: string; lost?: { id: string; engines: number[] }[] },
    uuids = ['a', 'b'],
  ): Promise<void> {
    if (!this.resumed) this.#resume();
    const engines = uuids.map((uuid, id) => ({ id, uuid }));
    this.#answer.resolve({ content: { unknown: [], memory: null, lost: [], engines, ...said } });
    await this.resumed;
  }

  async brokenAgain(): Promise<void> {
    if (!this.resumed) this.#resume();
    this.#answer.reject(new IpclusterError('CLOSED', 'again'));
    await this.resumed;
  }

  end(): void {
    this.over = new IpclusterError('CLOSED', 'over');
    this.requests.failAll(this.over);
  }
}

const error = { status: 'error', ename: 'E', evalue: 'x', traceback: [] };
const lostOf = ({ id }: Bed) => ({ lost: [{ id, engines: [0, 1] }] });

/** What each event is, done to the real thing; the next engine that answers is the one that has not. */
const drive: Record<EventName, (bed: Bed, next: number) => unknown> = {
  ok: (bed, next) => bed.reply({ status: 'ok' }, next),
  error: (bed, next) => bed.reply(error, next),
  aborted: (bed, next) => bed.reply({ status: 'aborted', how: 'interrupted' }, next),
  unreadable: (bed, next) => bed.reply({}, next, [], Buffer.from('no message')),
  badValue: (bed, next) => bed.reply({ status: 'ok' }, next, [Buffer.from([0xff, 0x0f, 0x7f])]),
  forAll: (bed) => bed.reply(error, undefined),
  stranger: (bed) => bed.reply({ status: 'ok' }, 7),
  twice: (bed) => [bed.reply({ status: 'ok' }, 0), bed.reply({ status: 'ok' }, 0)],
  output: (bed) => bed.output(),
  badOutput: (bed) => bed.output(Buffer.from('no message')),
  engineLeft: (bed) => bed.requests.receive({ route: { channel: 'hub' }, body: Buffer.alloc(0) }),
  cancel: (bed) => bed.result.cancel(),
  committed: (bed) => bed.requests.accept(1),
  tooMany: (bed) => bed.requests.accept(Number.MAX_SAFE_INTEGER),
  known: (bed) => bed.back({}),
  knownInMemory: (bed) => bed.back({ memory: 'full' }),
  inMemory: (bed) => bed.requests.doubt(1, 'full'),
  unknown: (bed) => bed.back({ unknown: [bed.id] }),
  lostSame: (bed) => bed.back(lostOf(bed)),
  lostGone: (bed) => bed.back(lostOf(bed), ['c', 'd']),
  brokenAgain: (bed) => bed.brokenAgain(),
  over: (bed) => bed.end(),
};

describe('every state and every event', () => {
  let count = 0;
  for (const kind of ['balanced', 'direct'] as const)
    for (const state of states.filter((one) => possible(kind, one)))
      test(`${kind}, ${state}: each event leads where the table says, and all ends once`, async () => {
        for (const event of events) {
          const bed = new Bed(kind, state);
          expect(bed.requests.stateOf(bed.id), `${state} itself`).toBe(state);
          await drive[event](bed, state === 'partly' ? 1 : 0);
          const { [state]: expected = state } = (requestEvents[event] as RequestEvent)[kind];
          expect(bed.requests.stateOf(bed.id), `${state} + ${event}`).toBe(expected);
          bed.end();
          bed.end();
          await bed.brokenAgain();
          const settled = await bed.result.settled();
          expect(settled.length, event).toBe(kind === 'direct' ? 2 : 1);
          expect(bed.parts.sort(), event).toEqual(kind === 'direct' ? [0, 1] : [0]);
          expect(bed.requests.size, event).toBe(0);
          await bed.requests.accepted().catch(() => {});
          count += 1;
        }
      });

  test('that were all of them', () => {
    process.stdout.write(`${count} pairs of state and event\n`);
    expect(count).toBe(2 * (states.length - 1) * events.length);
  });
});

test('a message that cannot be written leaves nothing behind', () => {
  const bed = new Bed('balanced', 'over');
  expect(() =>
    bed.requests.send({ type: 'execute_request', content: { code: 1n as never } }, undefined, {
      answer: () => {},
      output: () => {},
    }),
  ).toThrow();
  expect(bed.requests.size).toBe(0);
});

test('docs/requests.md is made from the table', async () => {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const shown = (kind: Kind): string[] => {
    const columns = states.filter((state) => state !== 'over' && possible(kind, state));
    const lines = events.map((event) => {
      const { what, [kind]: moves }: RequestEvent = requestEvents[event];
      return row([what, ...columns.map((state) => moves[state] ?? '–')]);
    });
    return ['', row(['event', ...columns]), row(['---', ...columns.map(() => '---')]), ...lines];
  };
  const text = [
    '# What a request can be in',
    '',
    'As its client sees it. Made from `src/client/request-states.ts`; a test takes the real thing ' +
      'through each pair of state and event.',
    'An event that comes when a request is over changes nothing.',
    '',
    ...states.map((state) => `- **${state}**: ${requestStates[state]}`),
    ...['', '## Balanced tasks', ...shown('balanced')],
    ...['', '## Direct requests to two engines', ...shown('direct'), ''],
  ].join('\n');
  await expect(text).toMatchFileSnapshot('../../../docs/requests.md');
});
