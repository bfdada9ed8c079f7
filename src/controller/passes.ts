import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../profile/connection-file.js';
import { type Pass, tokenName } from '../transport/proof.js';

/**
 * What peers of this controller come in by: a token for clients, one for engines, and one for each batch job
 * that may join.
 */
export class Passes {
  readonly #passes = new Map<string, Pass<Role>>();
  /** Folders of jobs, by the name of their token. */
  readonly #folders = new Map<string, string>();

  constructor(tokens: Record<Role, string>) {
    for (const role of ['client', 'engine'] as const) {
      const token = tokens[role];
      this.#passes.set(tokenName(token), { token, role, holder: role });
    }
  }

  /** Folders of the jobs that may join. */
  get folders(): string[] {
    return [...this.#folders.values()];
  }

  /** Lets the supervisors of a job in. */
  grant(folder: string, token: string): void {
    const name = tokenName(token);
    this.#passes.set(name, { token, role: 'engine', holder: folder });
    this.#folders.set(name, folder);
  }

  /**
   * The pass whose token goes by that name; undefined when there is none, or when its job has written its
   * exit record (architecture 7).
   */
  passOf(name: string): Pass<Role> | undefined {
    const folder = this.#folders.get(name);
    return folder !== undefined && existsSync(join(folder, 'exit.json')) ? undefined : this.#passes.get(name);
  }
}
