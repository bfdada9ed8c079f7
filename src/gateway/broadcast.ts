import { emptyFrame, readObject, toFrame, type WireHeader } from './wire.js';

/** One engine that a broadcast is for, as Python's clients name it. */
type Target = [uuid: string, id: number];

/** One message for many engines, and the answers to it: passed on one by one, or merged into one. */
export class Broadcast {
  readonly targets: readonly Target[];
  readonly coalescing: boolean;
  readonly #replies = new Map<number, readonly Buffer[]>();
  readonly #left: Set<number>;

  constructor(metadata: Record<string, unknown>) {
    const targets = Array.isArray(metadata['targets']) ? metadata['targets'] : [];
    this.targets = targets.filter(
      (target): target is Target => Array.isArray(target) && typeof target[0] === 'string',
    );
    this.coalescing = metadata['is_coalescing'] === true;
    this.#left = new Set(this.targets.map(([, id]) => id));
  }

  get ids(): number[] {
    return this.targets.map(([, id]) => id);
  }

  /** Takes an engine's answer; true when it was the last. */
  add(id: number, frames: readonly Buffer[]): boolean {
    this.#left.delete(id);
    this.#replies.set(id, frames);
    return this.#left.size === 0;
  }

  /** The header under which an engine of a broadcast answers, and Python's clients wait for it. */
  static headerFor(header: WireHeader, uuid: string): WireHeader {
    return { ...header, msg_id: `${header.msg_id}_${uuid}` };
  }

  /**
   * All answers as one: results in the order of the targets. Where an engine failed the answer is that
   * failure, which is lost upstream when another engine answers later.
   */
  merge(original: string): Buffer[] {
    const all = this.ids.flatMap((id): (readonly Buffer[])[] => {
      const frames = this.#replies.get(id);
      return frames ? [frames] : [];
    });
    const bad = all.find((frames) => readObject(frames[3])?.['status'] !== 'ok');
    const [header = emptyFrame, parent = emptyFrame, metadata = emptyFrame, content = emptyFrame] =
      bad ?? all[0] ?? [];
    const facts = {
      ...readObject(metadata),
      is_broadcast: true,
      is_coalescing: true,
      original_msg_id: original,
      broadcast_targets: this.targets,
    };
    const buffers = bad ? [] : all.flatMap((frames) => frames.slice(4));
    return [header, parent, toFrame(facts), content, ...buffers];
  }
}
