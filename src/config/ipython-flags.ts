import { resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { expandHome } from '../base/owner.js';
import { type IpythonProgram, type Rule, ruleOf } from './ipython-words.js';

/** A command line of IPython's, in words of ours. */
export interface Translated {
  argv: string[];
  /** Flags that mean nothing here, to be named. */
  ignored: string[];
  /** What flags say that is a variable for us. */
  variables: Record<string, string>;
}

/**
 * Turns a command line of IPython's into ours, so that recipes and launchers for it can start our programs.
 * What has no meaning here is taken out and named, nothing that is ours is touched, and nothing after `--` is
 * read. Throws USAGE for what is not done here.
 */
export function fromIpython(argv: readonly string[], program: IpythonProgram): Translated {
  const translated: Translated = { argv: [], ignored: [], variables: {} };
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      translated.argv.push(word, ...words);
      break;
    }
    const [, name = '', value] = /^--([A-Za-z][\w.-]*)(?:=(.*))?$/s.exec(word) ?? [];
    const rule = ruleOf(name, program);
    if (word === '--debug') translated.argv.push('--log-level=debug');
    else if (word === '--quiet') translated.argv.push('--log-level=error');
    else if (rule === undefined) translated.argv.push(word);
    else apply(rule, word, value ?? valueBehind(rule, words), translated);
  }
  return translated;
}

/** What stands behind a flag as a word of its own, where the flag has a value. */
function valueBehind(rule: Rule, words: string[]): string | undefined {
  const isSwitch = 'onOff' in rule || 'refused' in rule || ('nothing' in rule && rule.nothing === 'switch');
  return isSwitch || words[0] === undefined || words[0].startsWith('-') ? undefined : words.shift();
}

function apply(
  rule: Rule,
  word: string,
  value: string | undefined,
  { argv, ignored, variables }: Translated,
): void {
  const name = word.replace(/=.*$/s, '');
  if ('refused' in rule)
    throw new IpclusterError('USAGE', `${name} of IPython is not done here. ${rule.refused}`, {
      suggestions: [],
    });
  if ('nothing' in rule) return void ignored.push(word);
  if ('onOff' in rule) return void (/^(false|0)$/i.test(value ?? '') || argv.push(rule.onOff));
  if (value === undefined) throw new IpclusterError('USAGE', `${name} needs a value.`, { suggestions: [] });
  if ('variable' in rule) variables[rule.variable] = resolve(expandHome(value));
  else argv.push(`${rule.flag}=${rule.value?.(value) ?? value}`);
}
