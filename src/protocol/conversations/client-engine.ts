import type { CommandContent, CommandReport } from '../contents/shell-tasks.js';
import type { FunctionReference } from '../functions.js';
import type { Ask, Tell } from './conversation.js';

/** What a client asks engines; whoever passes it on reads the header alone. */
export interface ClientToEngine {
  execute_request: Ask<
    { code: string; fileName?: string },
    { execution_count: number; data: { 'text/plain'?: string }; cloneable: boolean }
  >;
  apply_request: Ask<{ function: FunctionReference; each?: boolean }>;
  push_request: Ask<object>;
  pull_request: Ask<{ names: string[] }>;
  clear_request: Ask<object>;
  /** The bytes of both streams follow the answer as buffers where one of them is no text. */
  command_request: Ask<CommandContent, { result: CommandReport }>;
}

/** What an engine tells the client whose request it runs. */
export interface EngineToClient {
  /** The bytes follow as a buffer, and the text is empty, where they are no text. */
  stream: Tell<{ name: 'stdout' | 'stderr'; text: string }>;
}
