import { inspect } from 'node:util';
import { Args, Command, Flags } from '@oclif/core';
import { messageOf } from '../base/errors.js';
import { sleep } from '../base/wait.js';
import { connectTo } from '../cluster/find.js';
import { commonFlags, interruption, placeOf, print } from './shared.js';

export default class Result extends Command {
  static override summary = 'show a task by its id: its state, and its values when it has ended';
  static override args = {
    id: Args.string({ required: true, description: 'what `ipcluster exec --no-wait` printed' }),
  };
  static override flags = { wait: Flags.boolean({ description: 'until it has ended' }), ...commonFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Result);
    const signal = interruption();
    await using client = await connectTo(placeOf(flags));
    let found = await client.result(args.id);
    for (let pause = 50; flags.wait && found.record.status === 'pending'; pause = Math.min(1000, pause * 2)) {
      await sleep(pause, signal);
      found = await client.result(args.id);
    }
    const { record, answers } = found;
    const results = answers.map(({ value, error }) =>
      error ? { error: error.message } : { value: value ?? null },
    );
    const lines = answers.map(({ value, error }) => (error ? messageOf(error) : inspect(value)));
    print(flags.json, { record, results }, [`${record.id}: ${record.status}`, ...lines].join('\n'));
    if (record.status === 'error' || record.status === 'aborted') process.exitCode = 1;
  }
}
