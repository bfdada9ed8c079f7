import { describe, expect, test } from 'vitest';
import { taskEnvironment } from '../../../src/processes/environment.js';
import { encodeFrames } from '../../../src/protocol/frames.js';
import { CrashLoop } from '../../../src/supervisor/crash-loop.js';
import { KeptReplies } from '../../../src/supervisor/kept-replies.js';

describe('a crash loop', () => {
  test('five ends within a minute are borne, the sixth is not; another engine counts for itself', () => {
    const loop = new CrashLoop('on-crash');
    for (let end = 0; end < 5; end++)
      expect(loop.judge(3, 'exit code 1', undefined, end * 1000)).toBeUndefined();
    expect(loop.judge(4, 'exit code 1', undefined, 5000)).toBeUndefined();
    expect(loop.judge(3, 'exit code 1', 'no such module', 6000)).toMatch(
      /ended 6 times within 1m 00s .*exit code 1.*no such module/,
    );
  });

  test('ends that lie far apart are no loop', () => {
    const loop = new CrashLoop('on-crash');
    for (let end = 0; end < 50; end++)
      expect(loop.judge(0, 'signal SIGKILL', undefined, end * 20_000)).toBeUndefined();
  });

  test('with the policy never no engine comes back', () => {
    expect(new CrashLoop('never').judge(0, 'signal SIGKILL', undefined)).toBe('signal SIGKILL');
  });
});

describe('kept replies', () => {
  const reply = (id: string, engine = 0) => ({
    engine,
    queue: 'balanced' as const,
    route: { channel: 'reply' as const, id, status: 'ok' as const },
    body: Buffer.concat(
      encodeFrames(['{}', JSON.stringify({ msg_id: id }), '{}', '{}'].map((text) => Buffer.from(text))),
    ),
  });
  const ids = (replies: Iterable<{ route: { id: string } }>): string[] =>
    [...replies].map(({ route }) => route.id);

  test('go when they are committed, counted from the start of the connection', () => {
    const kept = new KeptReplies();
    for (const id of ['a', 'b', 'c']) kept.add(reply(id));
    kept.committed(2);
    kept.committed(2);
    expect(ids(kept.restart())).toEqual(['c']);
    kept.add(reply('d'));
    kept.committed(1);
    expect(ids(kept.restart())).toEqual(['d']);
    kept.committed(5);
    expect(kept.size).toBe(0);
  });

  test('say which requests they answer', () => {
    const kept = new KeptReplies();
    kept.add(reply('a', 1));
    kept.add(reply('b', 2));
    expect(kept.heldBy(2)).toEqual([{ queue: 'balanced', header: { msg_id: 'b' } }]);
  });
});

test('tasks keep the job of their engine and lose its rank and step', () => {
  const env = {
    PATH: '/bin',
    OMPI_COMM_WORLD_RANK: '1',
    PMI_RANK: '1',
    SLURM_PROCID: '1',
    SLURM_STEP_ID: '0',
    SLURM_CPU_BIND: 'x',
    SLURM_JOB_NODELIST: 'n1',
  };
  expect(taskEnvironment(env)).toEqual({ PATH: '/bin', SLURM_JOB_NODELIST: 'n1' });
  expect(taskEnvironment({ SLURM_JOB_ID: '5' })).toEqual({ SLURM_JOB_ID: '5', SLURM_OVERLAP: '1' });
});
