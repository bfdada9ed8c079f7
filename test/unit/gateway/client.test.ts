import { expect, test, vi } from 'vitest';
import { PythonClient } from '../../../src/gateway/python-client.js';
import type { Link } from '../../../src/transport/link.js';

test('a client that is closed before it has needed its connection opens none afterwards', async () => {
  const connect = vi.fn<() => Promise<Link>>();
  const client = new PythonClient('a session', connect, 1000, () => {});
  client.close();
  await expect(client.ask('queue_request', {})).rejects.toMatchObject({ code: 'CLOSED' });
  client.send({ channel: 'balanced', id: 'a task', to: [] }, [Buffer.alloc(8)]);
  await expect(client.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  expect(connect).not.toHaveBeenCalled();
});
