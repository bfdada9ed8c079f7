import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { inspectProcess } from '../processes/table.js';
import type { MessageContents } from '../protocol/messages.js';
import type { EngineChild } from './engine-child.js';
import { oomKills } from './evidence.js';

/** How often engines are looked at (milliseconds). */
export const factsInterval = 2000;

/** Larger files are no code (bytes). */
const largestFile = 64 * 1024 * 1024;

type Facts = MessageContents['engine_facts'];

/** Looks at the engines of this node from outside: their memory, and the files that they have loaded. */
export class FactFinder {
  /** How many processes the kernel had killed for memory when last looked at. */
  kills = oomKills();
  readonly #checked = new Map<string, { stamp: string; hash: string }>();
  #last = '';

  /** Looks at all of them; answers what to tell, or undefined when nothing has changed. */
  async look(children: readonly EngineChild[]): Promise<Facts | undefined> {
    this.kills = oomKills();
    const facts: Facts = { memory: {}, stale: {} };
    for (const child of children) {
      child.measure(inspectProcess(child.pid)?.memory);
      if (child.memory !== null) facts.memory[child.id] = Math.round(child.memory / 1e6) * 1e6;
      const stale = await this.#stale(child);
      if (stale.length > 0) facts.stale[child.id] = stale;
    }
    const text = JSON.stringify(facts);
    if (text === this.#last) return undefined;
    this.#last = text;
    return facts;
  }

  /** A new controller knows nothing of what the last one was told. */
  forget(): void {
    this.#last = '';
  }

  async #stale({ loaded }: EngineChild): Promise<string[]> {
    const changed: string[] = [];
    for (const [path, hash] of loaded) if ((await this.#hashOf(path)) !== hash) changed.push(path);
    return changed;
  }

  /**
   * The hash of a file as it is now, read again only when it looks different; empty text for one that is
   * gone.
   */
  async #hashOf(path: string): Promise<string> {
    try {
      const facts = await stat(path);
      const { mtimeMs, size } = facts;
      // Whatever code says that it has loaded: devices and pipes have no end, and no code is as large.
      if (!facts.isFile() || size > largestFile) return '';
      const stamp = `${mtimeMs} ${size}`;
      const known = this.#checked.get(path);
      if (known?.stamp === stamp) return known.hash;
      const hash = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      this.#checked.set(path, { stamp, hash });
      return hash;
    } catch {
      return '';
    }
  }
}
