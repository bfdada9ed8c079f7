import { IpclusterError } from '../base/errors.js';
import type { Timer } from '../base/timer.js';
import { decodeFrames } from '../protocol/frames.js';
import type { Header } from '../protocol/header.js';
import type { Metadata } from '../protocol/message.js';
import type { Line } from './line.js';

/** What a task waits for: other balanced tasks, all or any of them, ended well, badly, or either. */
export interface Dependency {
  dependencies: string[];
  all: boolean;
  success: boolean;
  failure: boolean;
}

/** One balanced task, from acceptance to reply. */
export interface Task {
  id: string;
  session: string;
  type: string;
  label: string | null;
  /** What an engine must run to take it; undefined for any. */
  language: string | undefined;
  /** The message as received; undefined while only the store has it. */
  body: Buffer | undefined;
  /** Bytes of the message. */
  size: number;
  priority: number;
  /** Engines it may run on; undefined means any. */
  targets: readonly number[] | undefined;
  after: Dependency | undefined;
  follow: Dependency | undefined;
  retries: number;
  /** Milliseconds that it may wait for an engine, and run; 0 means without limit. */
  timeout: number;
  timeLimit: number;
  /** Milliseconds that an engine's job must still have for it: its limit, or that of the command in it. */
  timeNeeded: number;
  /** Engines on which it failed before; most tasks never fail. */
  excluded: Set<number> | undefined;
  /** Engines that lack what it needs: it is never tried there again. */
  unmet: Set<number> | undefined;
  /** How often an engine died while it ran it, and how often that may happen. */
  crashes: number;
  crashLimit: number;
  engine: number | undefined;
  timer: Timer | undefined;
  /** Engines that it must be one of: its targets, and those that it follows. Undefined for any. */
  wanted: ReadonlySet<number> | undefined;
  /** Where it waits for an engine. */
  line: Line<Task> | undefined;
  place: number;
  order: number;
}

/** Makes a task from a request's header and metadata. Throws USAGE for wishes that make no sense. */
export function makeTask(header: Header, metadata: Metadata, body: Buffer): Task {
  return {
    id: header.msg_id,
    session: shared(header.session),
    type: shared(header.msg_type),
    label: readLabel(metadata),
    language: languageOf(header.msg_type, metadata),
    body,
    size: body.length,
    priority: readNumber(metadata, 'priority', Number.NEGATIVE_INFINITY),
    targets: readTargets(metadata['targets']),
    after: readDependency(metadata['after']),
    follow: readDependency(metadata['follow']),
    retries: readCount(metadata, 'retries'),
    timeout: readTime(metadata, 'timeout'),
    timeLimit: readTime(metadata, 'time_limit'),
    timeNeeded: Math.max(readTime(metadata, 'time_limit'), readTime(metadata, 'time_needed')),
    excluded: undefined,
    unmet: undefined,
    crashes: 0,
    crashLimit: readCount(metadata, 'crash_limit', 1, 3),
    engine: undefined,
    timer: undefined,
    wanted: undefined,
    line: undefined,
    place: 0,
    order: 0,
  };
}

const texts = new Map<string, string>();

/** The same text once in memory, however many tasks carry it. */
function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= 10_000) texts.clear();
  texts.set(text, text);
  return text;
}

/**
 * The bytes of a task's request header, which every reply carries; made anew where the message itself is on
 * disk.
 */
export function headerBytesOf({
  id,
  session,
  type,
  body,
}: Pick<Task, 'id' | 'session' | 'type' | 'body'>): Buffer {
  if (body) return decodeFrames(body)[0] as Buffer;
  return Buffer.from(
    JSON.stringify({ msg_id: id, msg_type: type, session, username: '', date: '', version: '' }),
  );
}

/**
 * What the payload of a request is written in; undefined for text that every engine reads in its own
 * language. Our own clients need not say so: what they send is JavaScript.
 */
export function languageOf(type: string, { language }: Metadata): string | undefined {
  if (typeof language === 'string' && /^[a-z][\w+#.-]{0,31}$/i.test(language)) return language;
  if (language !== undefined && language !== null)
    throw new IpclusterError(
      'USAGE',
      `A request's language is a short name, and ${shown(language)} is none.`,
    );
  return type === 'execute_request' || type === 'clear_request' ? undefined : 'javascript';
}

/** What whoever sent a request to engines of another language is told. */
export const wrongLanguage = (language: string, engines: string): string =>
  `This request is ${language}, but ${engines}: send code as text (\`execute\`), or add engines of ` +
  'its language.';

/** What was given, short enough for a sentence. */
function shown(value: unknown): string {
  const text = String(JSON.stringify(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A name to find a record by. Throws USAGE for one that is no text, or too long to be written down. */
export function readLabel({ label = null }: Metadata): string | null {
  if (label === null || (typeof label === 'string' && label.length <= longestName)) return label;
  throw new IpclusterError(
    'USAGE',
    `A task's label is ${shown(label)}, but must be text of at most ${longestName} characters.`,
  );
}

/** Longest label and longest id of another task (characters). */
const longestName = 1024;
/** So many tasks and engines can be named; and times end somewhere (seconds). */
const mostNamed = 1_000_000;
const longestTime = 1e10;

function readNumber(
  metadata: Metadata,
  name: string,
  least = 0,
  usual = 0,
  most = Number.POSITIVE_INFINITY,
): number {
  const value = metadata[name] ?? usual;
  if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
  const range = `${least > Number.NEGATIVE_INFINITY ? ` from ${least}` : ''}${most < Number.POSITIVE_INFINITY ? ` to ${most}` : ''}`;
  throw new IpclusterError('USAGE', `A task's ${name} is ${shown(value)}, but must be a number${range}.`);
}

function readCount(metadata: Metadata, name: string, least = 0, usual = 0): number {
  const value = readNumber(metadata, name, least, usual, 2 ** 31);
  if (Number.isInteger(value)) return value;
  throw new IpclusterError('USAGE', `A task's ${name} is ${value}, but must be a whole number.`);
}

/** Seconds there, milliseconds here. */
const readTime = (metadata: Metadata, name: string): number =>
  1000 * readNumber(metadata, name, 0, 0, longestTime);

function readTargets(value: unknown): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.length <= mostNamed && value.every((id) => Number.isInteger(id)))
    return value.length > 0 ? (value as number[]) : undefined;
  throw new IpclusterError('USAGE', `A task's targets are ${shown(value)}, but must be engine ids.`);
}

/** A plain list means: after all of them succeeded. */
function readDependency(value: unknown): Dependency | undefined {
  if (value === undefined || value === null) return undefined;
  const given = (Array.isArray(value) ? { dependencies: value } : value) as Partial<Dependency>;
  const { dependencies, all = true, success = true, failure = false } = given;
  const isId = (id: unknown): boolean => typeof id === 'string' && id.length <= longestName;
  if (!Array.isArray(dependencies) || dependencies.length > mostNamed || !dependencies.every(isId))
    throw new IpclusterError(
      'USAGE',
      `A task's dependency must be a list of task ids, ${mostNamed} at most.`,
    );
  if (![all, success, failure].every((wish) => typeof wish === 'boolean'))
    throw new IpclusterError('USAGE', "A dependency's all, success and failure are true or false.");
  return dependencies.length > 0 ? { dependencies, all, success, failure } : undefined;
}

/** How a finished task ended and where it ran. */
export interface Outcome {
  ok: boolean;
  engine: number | undefined;
}

export type Judgement = 'met' | 'wait' | 'never';

/** Whether what a task waits for has come, may still come, or can never come. */
export function judge(dependency: Dependency, outcomeOf: (id: string) => Outcome | undefined): Judgement {
  const verdicts = dependency.dependencies.map((id): Judgement => {
    const outcome = outcomeOf(id);
    if (!outcome) return 'wait';
    return (outcome.ok ? dependency.success : dependency.failure) ? 'met' : 'never';
  });
  const [enough, hopeless] = dependency.all
    ? [verdicts.every((verdict) => verdict === 'met'), verdicts.includes('never')]
    : [verdicts.includes('met'), verdicts.every((verdict) => verdict === 'never')];
  if (hopeless) return 'never';
  return enough ? 'met' : 'wait';
}
