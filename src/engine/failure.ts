import { inspect } from 'node:util';
import { isIpclusterError } from '../base/errors.js';
import type { ErrorContent } from '../protocol/messages.js';

/** Frames of the kernel and of Node below it say nothing to the author of the code. */
const ownFrame = /\(?(node:|file:\/\/.*\/dist\/programs\/|.*\/dist\/programs\/)/;

/** So many characters of a name, and of a message and a stack each, are told: an error is for people. */
const longest = { name: 256, text: 16_384 };

/**
 * Describes whatever user code threw, with the part of its stack that lies in user code. All that it reads
 * may be the user's code again, which throws, lies or never ends: what cannot be read is left out, and the
 * caller sees to it that it can be interrupted.
 */
export function describeFailure(error: unknown, applied: boolean): ErrorContent {
  const ours = attempt(() => readOwn(error));
  if (ours) return ours;
  if (attempt(() => error instanceof Error) !== true) {
    return { status: 'error', ename: 'Thrown', evalue: showValue(error), traceback: [] };
  }
  const { name, message, stack } = readError(error as Error);
  const content: ErrorContent = {
    status: 'error',
    ename: name,
    evalue: message,
    traceback: userStack(stack),
  };
  if (applied && error instanceof ReferenceError) {
    content.suggestions = [
      'Functions travel by source, without the variables around them: pass it as an argument, or push ' +
        'it to the engines.',
    ];
  }
  return content;
}

/**
 * An error of this project, also of another copy of it that user code has loaded; undefined when it only
 * looks like one.
 */
function readOwn(error: unknown): ErrorContent | undefined {
  if (!isIpclusterError(error)) return undefined;
  const { code, message, suggestions } = error;
  const isWhole = [code, message, ...suggestions].every(
    (text: unknown) => typeof text === 'string' && text.length < longest.text,
  );
  if (!isWhole) return undefined;
  return {
    status: 'error',
    ename: code,
    evalue: message,
    traceback: [],
    suggestions: [...suggestions].slice(0, 8),
  };
}

/** What is known of something thrown where no request hears of it, as lines. */
export function describeStray(error: unknown): string {
  const { ename, evalue, traceback } = describeFailure(error, false);
  return traceback.length > 0 ? traceback.join('\n') : `${ename}: ${evalue}`;
}

/** Any value as `inspect` shows it, bounded; says so when it cannot be shown. */
export function showValue(value: unknown): string {
  const shown = attempt(() => inspect(value));
  return typeof shown === 'string'
    ? cut(shown, longest.text)
    : `[a value of type ${typeof value} that cannot be shown]`;
}

function readError(error: Error): { name: string; message: string; stack: string } {
  const [name, message, stack] = (['name', 'message', 'stack'] as const).map((key) =>
    attempt((): unknown => error[key]),
  );
  const ownName = typeof name === 'string' && name !== '' ? name : 'Error';
  const ownMessage = typeof message === 'string' ? message : message === undefined ? '' : showValue(message);
  return {
    name: cut(ownName, longest.name),
    message: cut(ownMessage, longest.text),
    stack: cut(typeof stack === 'string' && stack !== '' ? stack : `${ownName}: ${ownMessage}`, longest.text),
  };
}

function userStack(stack: string): string[] {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !ownFrame.test(line.replace(/^\s+at (async )?([^(]*)/, '$2')));
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)} [${text.length - most} more characters]`;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
