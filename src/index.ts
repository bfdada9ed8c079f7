/**
 * ipcluster: N engines on whatever machines you have, and work on them.
 *
 * @module
 */
export { type CatalogueEntry, errorCatalogue } from './base/error-catalogue.js';
export { type ErrorCode, type ErrorDetails, IpclusterError, isIpclusterError } from './base/errors.js';
export {
  AsyncResult,
  type CancelRequests,
  type Item,
  type OutputEvent,
  type Progress,
  type Timing,
} from './client/async-result.js';
export { BalancedView } from './client/balanced-view.js';
export type { ChunkSize } from './client/chunks.js';
export { Client, type ConnectOptions, type StoredAnswer } from './client/client.js';
export { DirectView, type Each, type Pulled, type Targets } from './client/direct-view.js';
export type { After, CommandOptions, Condition, Submitted, TaskOptions } from './client/options.js';
export type { Sequence } from './client/partition.js';
export { CompositeError, RemoteError } from './client/remote-error.js';
export { Cluster, type ClusterOptions } from './cluster/cluster.js';
export type { ConnectionFile, Role } from './profile/connection-file.js';
export type { Callable } from './protocol/functions.js';
export { transfer } from './protocol/memory.js';
export type {
  AbortedContent,
  ClusterEvent,
  CommandContent,
  CommandResult,
  EngineName,
  EngineRecord,
  EngineState,
  ErrorContent,
  InterruptOutcome,
  LostSupervisor,
  PastWork,
  StatusContent,
  TaskQuery,
  TaskRecord,
} from './protocol/messages.js';
