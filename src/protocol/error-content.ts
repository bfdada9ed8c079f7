import { isIpclusterError, messageOf } from '../base/errors.js';
import type { ErrorContent } from './contents/answers.js';

/** What went wrong, as an answer. */
export function errorContent(error: unknown): ErrorContent {
  const evalue = messageOf(error);
  if (!isIpclusterError(error)) return { status: 'error', ename: 'INTERNAL', evalue, traceback: [] };
  return { status: 'error', ename: error.code, evalue, traceback: [], suggestions: [...error.suggestions] };
}
