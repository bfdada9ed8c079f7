import { expect, test } from 'vitest';
import { refused } from '../../../src/launcher-kit/submit.js';
import { dialectOf } from '../../../src/launchers/pbs.js';

test('a refused option is named: the line before a usage text is quoted, not the text', () => {
  // Recorded from OpenPBS 23.06.
  const said = `qsub: invalid option -- 't'
usage: qsub [-a date_time] [-A account_string] [-c interval]
	[-C directive_prefix] [-e path] [-f ] [-h ] [-I [-X]] [-j oe|eo] [-J X-Y[:Z]]
	[-k keep] [-l resource_list] [-m mail_options] [-M user_list]
	[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]
	[-R o|e|oe] [-S path] [-u user_list] [-W otherattributes=value...]
	[-v variable_list] [-V ] [-z] [script | -- command [arg1 ...]]
       qsub --version
`;
  const { message, verdict } = refused(dialectOf('openpbs', false), said, 2);
  expect(verdict).toBe('bad-directive');
  expect(message).toContain("invalid option -- 't'");
  expect(message).not.toContain('usage:');
});
