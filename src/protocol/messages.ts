import type { ErrorContent, OkContent } from './contents/answers.js';
import type { ClientToController, ControllerToClient } from './conversations/client-controller.js';
import type { ClientToEngine, EngineToClient } from './conversations/client-engine.js';
import type { Contents } from './conversations/conversation.js';
import type {
  ControllerToSupervisor,
  SupervisorToController,
} from './conversations/supervisor-controller.js';
import type {
  EngineToSupervisor,
  SupervisorToEngine,
  SupervisorToWatcher,
} from './conversations/supervisor-engine.js';

// The public door of the protocol: what messages are made of goes out with them.
export type { AbortedContent, ErrorContent, InterruptOutcome, OkContent } from './contents/answers.js';
export type {
  AllocationContent,
  ClusterEvent,
  EngineName,
  EngineUp,
  Evidence,
  HeldRequest,
} from './contents/engines.js';
export type { MessageDetail, StoredTask, TaskQuery, TaskRecord } from './contents/records.js';
export type { CommandContent, CommandReport, CommandResult } from './contents/shell-tasks.js';
export {
  type EngineRecord,
  type EngineState,
  type LostSupervisor,
  lastMinute,
  type PastWork,
  type StatusContent,
} from './contents/status.js';

/** Every message there is, with what it holds, from the maps of all conversations. */
export interface MessageContents
  extends Contents<ClientToController>,
    Contents<ControllerToClient>,
    Contents<ClientToEngine>,
    Contents<EngineToClient>,
    Contents<SupervisorToController>,
    Contents<ControllerToSupervisor>,
    Contents<EngineToSupervisor>,
    Contents<SupervisorToEngine>,
    Contents<SupervisorToWatcher> {
  /** The answer to any question that failed, and to a message that nobody handles. */
  error_reply: ErrorContent;
}

export type MessageType = keyof MessageContents;

/** The reply type that belongs to a request type. */
export type ReplyTo<T extends MessageType> = T extends `${infer Name}_request`
  ? Extract<MessageType, `${Name}_reply`>
  : never;

/** The content of a good reply to a request. */
export type GoodReply<T extends MessageType> = Extract<MessageContents[ReplyTo<T>], OkContent>;

export type RequestType = Extract<MessageType, `${string}_request`>;

/**
 * Raised with every change that older programs cannot follow; test/golden/protocol holds the shape of each
 * version.
 */
export const protocolVersion = 7;
