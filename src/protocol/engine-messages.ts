import { name, path, processId } from './fields.js';
import { flag, type Guard, list, maybe, object, text, whole, word } from './guards.js';
import type { MessageContents } from './messages.js';
import { sequenceLimit } from './routes.js';

/** What an engine, its watcher or its gateway says to the supervisor beside replies and output. User code can speak there as well. */
type EngineMessage = 'engine_hello' | 'engine_ready' | 'engine_loaded' | 'interrupt_hit';

const loadedFile = object<{ path: string; hash: string }>({ path, hash: text(128) });

/** Engine → supervisor: the fields of what it says. */
export const engineMessages: { readonly [T in EngineMessage]: Guard<MessageContents[T]> } = {
  engine_hello: object<MessageContents['engine_hello']>({
    uuid: name,
    pid: processId,
    role: word('engine', 'watcher', 'gateway'),
    ready: maybe(flag),
  }),
  engine_ready: object<object>({}),
  engine_loaded: object<MessageContents['engine_loaded']>({ files: list(loadedFile, 10_000) }),
  interrupt_hit: object<MessageContents['interrupt_hit']>({
    sequence: whole(0, sequenceLimit),
    outcome: word('removed', 'interrupted', 'abandoned', 'killed', 'restarted', 'finished', 'unknown', 'stuck'),
  }),
};
