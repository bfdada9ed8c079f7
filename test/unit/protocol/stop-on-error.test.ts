import { expect, test } from 'vitest';
import { encodeFrames } from '../../../src/protocol/frames.js';
import { stopsOnError, takeStopped } from '../../../src/protocol/stop-on-error.js';

const request = (session: string, content: string, type = 'execute_request') => {
  const header = JSON.stringify({ msg_id: 'id', msg_type: type, session });
  return {
    body: Buffer.concat(encodeFrames([header, '{}', '{}', content].map((text) => Buffer.from(text)))),
  };
};
const loud = '{"code":"1","silent":false}';

test.each([
  [loud, true],
  ['{"code":"1","silent":false,"stop_on_error":true}', true],
  ['{"code":"1","silent":false,"stop_on_error":false}', false],
  ['{"code":"1","silent":true}', false],
  ['{"code":"1"}', false],
  ['no JSON', false],
  ['null', false],
])('the failure of %s stops what waits: %s', (content, stops) => {
  expect(stopsOnError(request('one', content).body)).toBe(stops);
});

test('only code of the same client is taken out, and the others keep their order', () => {
  const [silent, mine, pull, other] = [
    request('one', '{"code":"1","silent":true}'),
    request('one', loud),
    request('one', loud, 'apply_request'),
    request('two', loud),
  ];
  const waiting = [silent, mine, pull, other];
  expect(takeStopped(waiting, 'one')).toEqual([mine]);
  expect(waiting).toEqual([silent, pull, other]);
});
