import { type Setting, settings, variableOf } from './settings.js';

/**
 * A new profile's file: every setting as a comment with its default, so that nothing is set until somebody
 * sets it.
 */
export function configTemplate(): string {
  const lines = settings.map(({ key, help, choices, default: value }: Setting) => {
    const say = `# ${help}${choices ? ` (${choices.join(' or ')})` : ''}; also ${variableOf(key)}`;
    return `${say}\n#${key}:${exampleOf(key, value)}\n`;
  });
  return [
    '# Settings of this profile for ipcluster. A flag or a variable of the environment goes before what ' +
      'stands here.',
    '# What holds, and where it comes from: ipcluster config show',
    '',
    ...lines,
  ].join('\n');
}

function exampleOf(key: string, value: string | undefined): string {
  if (key === 'launcherOptions') return ' {}';
  if (value === '') return '';
  return value === undefined ? '' : ` ${value}`;
}
