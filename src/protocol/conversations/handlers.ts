import type { Reply } from '../contents/answers.js';
import { type Message, unknownMessage } from '../message.js';
import type { MessageType } from '../messages.js';
import type { Ask } from './conversation.js';

/** An answer, and frames that go with it. */
export interface Answer<T = object> {
  content: Reply<T>;
  buffers?: Buffer[];
}

/** What a handler gives: an answer to a question, now or later; nothing for news. */
type Given<Exchange> =
  Exchange extends Ask<unknown, infer T extends object> ? Answer<T> | Promise<Answer<T>> : undefined;

/**
 * What a side does with each message of a conversation: one that it forgets does not compile. `Context` is
 * what else handlers are given.
 */
export type Handlers<Conversation, Context extends readonly unknown[] = []> = {
  readonly [T in keyof Conversation & MessageType]: (
    message: Message<T>,
    ...context: Context
  ) => Given<Conversation[T]>;
};

/** True for a message that there is a handler for; narrows its type. */
export function isHandled<Conversation>(
  message: Message,
  handlers: { readonly [T in keyof Conversation & MessageType]: unknown },
): message is Message<keyof Conversation & MessageType> {
  return Object.hasOwn(handlers, message.header.msg_type);
}

/** Hands a message to the handler that is there for it. */
export function call<
  Conversation,
  T extends keyof Conversation & MessageType,
  Context extends readonly unknown[],
>(
  handlers: Handlers<Conversation, Context>,
  message: Message<T>,
  ...context: Context
): Given<Conversation[T]> {
  return handlers[message.header.msg_type](message, ...context);
}

/** The same for a message that came from `sender`. Throws PROTOCOL where nothing handles it. */
export function handle<Conversation extends object, Context extends readonly unknown[]>(
  handlers: Handlers<Conversation, Context>,
  message: Message,
  sender: string,
  ...context: Context
): Given<Conversation[keyof Conversation & MessageType]> {
  if (isHandled<Conversation>(message, handlers)) return call(handlers, message, ...context);
  throw unknownMessage(message.header.msg_type, sender);
}
