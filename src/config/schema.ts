import * as z from 'zod';
import { IpclusterError } from '../base/errors.js';

/** The one home of schemas: everything that users may set is declared with this. */
export { z };

/**
 * Checks `key=value` words against a schema of texts. Throws LAUNCHER_OPTIONS naming the option; `owner` says
 * whose options these are.
 */
export function parseWords<S extends z.ZodObject>(
  schema: S,
  words: readonly string[],
  owner: string,
): z.output<S> {
  const known = Object.keys(schema.shape);
  const values: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 0) throw new IpclusterError('LAUNCHER_OPTIONS', `"-o ${word}" must be key=value.`);
    const key = word.slice(0, equals);
    if (!known.includes(key)) {
      const list = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none';
      throw new IpclusterError('LAUNCHER_OPTIONS', `${owner} has no option "${key}"; ${list}.`);
    }
    values[key] = word.slice(equals + 1);
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new IpclusterError(
    'LAUNCHER_OPTIONS',
    `-o ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'a wrong value'}.`,
  );
}
