import type { Guards } from './conversations/conversation.js';
import type { EngineToSupervisor } from './conversations/supervisor-engine.js';
import { name, outcomes, path, processId } from './fields.js';
import { flag, list, maybe, object, text, whole, word } from './guards.js';
import type { MessageContents } from './messages.js';
import { sequenceLimit } from './routes.js';

const loadedFile = object<{ path: string; hash: string }>({ path, hash: text(128) });

/** Engine → supervisor: the fields of what it says. */
export const engineMessages: Guards<EngineToSupervisor> = {
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
    outcome: word(...outcomes, 'stuck'),
  }),
};
