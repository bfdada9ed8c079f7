import { Command } from '@oclif/core';
import type { Finding } from '../cluster/causes.js';
import { explainCluster } from '../cluster/why.js';
import { commonFlags, placeOf, print } from './shared.js';
import { inPlace } from './tips.js';

export default class Why extends Command {
  static override summary = 'say why a cluster is as it is: what died, did not start, or waits';
  static override flags = { ...commonFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(Why);
    const findings = await explainCluster(placeOf(flags));
    print(
      flags.json,
      { findings },
      findings.map(describe).join('\n') || 'nothing is wrong that can be seen from here',
    );
  }
}

function describe({ code, about, sentence, lines = [], suggestions = [] }: Finding): string {
  return [
    `${about}: ${sentence} [${code}]`,
    ...lines.map((line) => `    ${line}`),
    ...suggestions.map((line) => `  try: ${inPlace(line)}`),
  ].join('\n');
}
