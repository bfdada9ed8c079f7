import { createRequire } from 'node:module';
import type { Options, Program } from 'acorn';

type Parse = (code: string, options: Options) => Program;
let known: Parse | undefined;

/**
 * The parser is larger than all of the engine, and many engines never see a line of code: it is read when the
 * first one comes.
 */
export function parse(code: string, options: Options): Program {
  known ??= (createRequire(import.meta.url)('acorn') as { parse: Parse }).parse;
  return known(code, options);
}
