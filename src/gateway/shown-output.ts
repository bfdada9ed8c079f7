import { readHeader, readObject } from './wire.js';

/** What a request has shown so far, in the words of Python's records. */
export interface Shown {
  stdout: string;
  stderr: string;
  execute_input: unknown;
  execute_result: unknown;
  error: unknown;
}

/**
 * Text of one request beyond this is not remembered, and what is oldest goes when there are too many
 * (characters, requests).
 */
const mostText = 1 << 20;
const mostRequests = 10_000;

const nothingShown = (): Shown => ({
  stdout: '',
  stderr: '',
  execute_input: null,
  execute_result: null,
  error: null,
});

/**
 * Output of the requests of this gateway's clients, for those who ask for a result later: the controller's
 * store has none.
 */
export class ShownOutput {
  readonly #shown = new Map<string, Shown>();

  of(id: string): Shown {
    return this.#shown.get(id) ?? nothingShown();
  }

  /** Takes what an engine has published. */
  add(id: string, frames: readonly Buffer[]): void {
    const content = readObject(frames[3]);
    const type = readHeader(frames[0])?.msg_type;
    if (!content || !type || type === 'status') return;
    const shown = this.#shown.get(id) ?? this.#make(id);
    if (type === 'stream') this.#addText(shown, content);
    else if (type === 'execute_input') shown.execute_input = content['code'];
    else if (type === 'execute_result') shown.execute_result = content;
    else if (type === 'error') shown.error = content;
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#shown.delete(id);
  }

  #addText(shown: Shown, { name, text }: Record<string, unknown>): void {
    if ((name === 'stdout' || name === 'stderr') && shown[name].length < mostText)
      shown[name] += String(text);
  }

  #make(id: string): Shown {
    const shown = nothingShown();
    this.#shown.set(id, shown);
    if (this.#shown.size > mostRequests) this.#shown.delete(this.#shown.keys().next().value as string);
    return shown;
  }
}
