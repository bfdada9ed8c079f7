import type { ErrorContent, Reply } from '../contents/answers.js';
import type { Guard } from '../guards.js';

/*
 * Who talks to whom, and about what: one map for each direction of each pair. The content of messages, the
 * guards that read what others send, and the handlers that every listener must have are derived from these
 * maps; test/golden/protocol holds their shape on the wire.
 */

/** A question: what it holds, and what a good answer holds beside its status. */
export interface Ask<Question, Answer = object> {
  content: Question;
  answer: Answer;
}

/** News, which nobody answers. */
export interface Tell<News> {
  content: News;
  answer: undefined;
}

/** Questions by their types, all of which end in `_request`. */
type Asked<Conversation> = {
  [T in keyof Conversation as Conversation[T] extends Ask<unknown, object> ? T : never]: Conversation[T];
};

type AnswerTo<Exchange> = Exchange extends Ask<unknown, infer Answer> ? Answer : never;
type AnswerName<T> = T extends `${infer Name}_request` ? `${Name}_reply` : never;

/** What the messages of a conversation hold, by type; answers are among them. */
export type Contents<Conversation extends object> = {
  [T in keyof Conversation]: Conversation[T] extends { content: infer Content } ? Content : never;
} & {
  [T in keyof Asked<Conversation> as AnswerName<T>]: Reply<AnswerTo<Asked<Conversation>[T]>>;
};

/** Guards for the content of each message that one side may send. */
export type Guards<Conversation> = {
  readonly [T in keyof Conversation]: Guard<
    Conversation[T] extends { content: infer Content } ? Content : never
  >;
};

/** Guards for the answers to the questions of a conversation; each of them may be an error instead. */
export type AnswerGuards<Conversation> = {
  readonly [T in keyof Asked<Conversation> as AnswerName<T>]: Guard<Reply<AnswerTo<Asked<Conversation>[T]>>>;
} & { readonly error_reply: Guard<ErrorContent> };
