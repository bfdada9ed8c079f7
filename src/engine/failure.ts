import { inspect } from 'node:util';
import { isIpclusterError } from '../base/errors.js';
import type { ErrorContent } from '../protocol/messages.js';

/** Frames of the kernel and of Node below it say nothing to the author of the code. */
const ownFrame = /\(?(node:|file:\/\/.*\/dist\/programs\/|.*\/dist\/programs\/)/;

/** Describes whatever user code threw, with the part of its stack that lies in user code. */
export function describeFailure(error: unknown, applied: boolean): ErrorContent {
  if (isIpclusterError(error)) {
    return { status: 'error', ename: error.code, evalue: error.message, traceback: [], suggestions: [...error.suggestions] };
  }
  if (!(error instanceof Error)) {
    return { status: 'error', ename: 'Thrown', evalue: inspect(error), traceback: [] };
  }
  const content: ErrorContent = {
    status: 'error',
    ename: error.name,
    evalue: error.message,
    traceback: userStack(error),
  };
  if (applied && error instanceof ReferenceError) {
    content.suggestions = [
      'Functions travel by source, without the variables around them: pass it as an argument, or push it to the engines.',
    ];
  }
  return content;
}

function userStack(error: Error): string[] {
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  return lines.filter((line) => !/^\s+at /.test(line) || !ownFrame.test(line.replace(/^\s+at (async )?([^(]*)/, '$2')));
}
