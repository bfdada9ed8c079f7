import { Command } from '@oclif/core';
import { openLauncher, ownLaunchers } from '../launcher-kit/registry.js';
import { commonFlags, print } from './shared.js';

export default class Launchers extends Command {
  static override summary = 'list the launchers and their options';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Launchers);
    const definitions = await Promise.all(ownLaunchers().map(openLauncher));
    const launchers = definitions.map(({ name, summary, options }) => ({
      name,
      summary,
      options: Object.entries(options.shape).map(([key, option]) => ({
        key,
        help: (option as { description?: string }).description ?? '',
      })),
    }));
    const text = launchers.flatMap(({ name, summary, options }) => [
      `${name}: ${summary}`,
      ...options.map(({ key, help }) => `  -o ${key}=…  ${help}`),
    ]);
    print(flags.json, { launchers }, text.join('\n'));
  }
}
