import type { EngineName } from '../protocol/messages.js';
import { Broadcast } from './broadcast.js';
import type { Asked } from './python-client.js';
import { emptyFrame, readObject, toFrame } from './wire.js';

/** An answer in Python's form, and what Python's clients are to be shown beside it. */
export interface PythonReply {
  frames: Buffer[];
  /** Published under the same parent: types of messages and their contents. */
  shown: { type: string; content: object }[];
}

/** True for an answer that IPython made: it is as it should be. */
const isPythons = (metadata: Record<string, unknown>): boolean => 'dependencies_met' in metadata;

/**
 * The frames of an answer as Python's clients read it. One of IPython passes as it is; of one that our
 * engines or the controller gave, the content is put in IPython's words. `engine` is who gave it; the
 * controller's own failures have none of their own.
 */
export function pythonReply(
  asked: Asked,
  given: readonly Buffer[],
  engine: EngineName | undefined,
  own: boolean,
): PythonReply {
  const [header = emptyFrame, , metadataFrame = emptyFrame, contentFrame = emptyFrame] = given;
  const metadata = readObject(metadataFrame) ?? {};
  if (isPythons(metadata)) return { frames: [...given], shown: [] };
  const content = readObject(contentFrame) ?? {};
  const parent =
    asked.broadcast && engine ? toFrame(Broadcast.headerFor(asked.header, engine.uuid)) : asked.headerFrame;
  const name = asked.header.msg_type.replace(/_request$/, '');
  const who = own && engine ? { engine_uuid: engine.uuid, engine_id: engine.id, method: name } : {};
  const status = content['status'];
  const facts = {
    started: metadata['started'],
    dependencies_met: true,
    engine: engine?.uuid ?? null,
    status,
    is_broadcast: asked.broadcast !== undefined,
    is_coalescing: asked.broadcast?.coalescing ?? false,
    original_msg_id: asked.broadcast ? asked.header.msg_id : '',
    ...(status === 'error' && { engine_info: who }),
  };
  const frames = [
    toFrame({ ...readObject(header), msg_type: `${name}_reply` }),
    parent,
    toFrame(facts),
    toFrame(contentFor(content, who)),
  ];
  return { frames, shown: own ? shownOf(content, asked.silent) : [] };
}

function contentFor(content: Record<string, unknown>, engine_info: object): object {
  const { status, ename, evalue, traceback, execution_count } = content;
  if (status === 'aborted') return { status };
  if (status === 'error')
    return { status, ename, evalue, traceback: lines(traceback, ename, evalue), engine_info };
  return execution_count === undefined
    ? { status }
    : { status, execution_count, user_expressions: {}, payload: [] };
}

/**
 * What IPython's engines publish with an answer, and ours put into it: the value, the error, and that nothing
 * more comes.
 */
function shownOf(content: Record<string, unknown>, silent: boolean): PythonReply['shown'] {
  const { status, data, execution_count, ename, evalue, traceback } = content;
  const shown: PythonReply['shown'] = [];
  if (typeof data === 'object' && data !== null && 'text/plain' in data && !silent)
    shown.push({ type: 'execute_result', content: { data, metadata: {}, execution_count } });
  if (status === 'error')
    shown.push({ type: 'error', content: { ename, evalue, traceback: lines(traceback, ename, evalue) } });
  shown.push({ type: 'status', content: { execution_state: 'idle' } });
  return shown;
}

/** Python's clients show the traceback and nothing else, so it must say what happened. */
function lines(traceback: unknown, ename: unknown, evalue: unknown): string[] {
  const given = Array.isArray(traceback) ? traceback.map(String) : [];
  const summary = `${String(ename)}: ${String(evalue)}`;
  return given.some((line) => line.includes(String(evalue))) ? given : [...given, summary];
}
