import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Nothing happened for so long: the program is at rest (milliseconds). */
const quiet = 2000;

/**
 * Gives back, once after each spell of work, what that work has left as garbage: V8 collects when memory is
 * wanted, so a program that wants none keeps the heap of its busiest moment for ever. While nothing happens
 * it costs nothing. Answers what to call when something happens, for next to nothing. `before` lets go of
 * what else is not needed at rest.
 */
export function collectAtRest(before: () => void = () => {}): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let [busy, waiting] = [false, false];
  const look = (): void => {
    waiting = busy;
    busy = false;
    if (waiting) setTimeout(look, quiet).unref();
    else {
      before();
      collect();
      // What the first pass let go of frees memory outside the heap only afterwards, and whole pages only
      // with the next.
      setTimeout(collect, quiet).unref();
    }
  };
  return () => {
    busy = true;
    if (waiting) return;
    waiting = true;
    setTimeout(look, quiet).unref();
  };
}
