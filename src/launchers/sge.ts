import { IpclusterError } from '../base/errors.js';
import { type BatchDialect, defineBatchLauncher } from '../launcher-kit/batch.js';
import { z } from '../launcher-kit/options.js';
import { lastWords } from '../launcher-kit/words.js';
import { commandWords, directives, formatDirective, type Options, waitsForEnd } from './sge/directives.js';
import { find, holds, largestArray, qacct, qstat } from './sge/questions.js';
import { explainReason } from './sge/reasons.js';
import { explainRefusal } from './sge/refusals.js';
import { defaultsOf, requestWords } from './sge/request-files.js';
import { sayings } from './sge/sayings.js';
import { askReasons } from './sge/waiting.js';

/** The dialect itself, as questions and answers. */
export function dialectOf(options: Options): BatchDialect {
  const payer = options.account === 'project' ? '-P' : '-A';
  return {
    prefix: '#$',
    shape: 'array',
    firstIndex: 1,
    // max_aj_tasks is 75000 and max_aj_instances 2000 unless the site says otherwise (sge_conf(5)).
    largestArray: 2000,
    askLargestArray: largestArray,
    refuses: {
      nodes:
        'Grid Engine has no --nodes: a parallel environment spreads slots as its site has set it ' +
        '(-o pe=NAME).',
      qos: 'Grid Engine has no --qos: say it word for word after --, as your site wants it.',
      constraint: 'Grid Engine has no --constraint: say it after --, such as -l arch=x.',
    },
    detect: {
      argv: ['qsub', '-help'],
      parse({ code, stdout, stderr }) {
        if (code === 127) return 'There is no Grid Engine here: `qsub` is not on your PATH.';
        return /^(SGE|GE|UGE|OGS|Son of|AGE)\b/im.test(stdout + stderr)
          ? ''
          : 'The `qsub` here is not that of Grid Engine: PBS and Slurm have commands of that name.';
      },
    },
    userDefaults: (env) => defaultsOf(requestWords(env), payer),
    sayings,
    directives: (view) => directives(view, options),
    formatDirective,
    submit(script, extra, said) {
      const words = requestWords(process.env);
      const argv = ['qsub', '-terse', ...commandWords(said, words), ...extra, script] as const;
      return { argv, ...(waitsForEnd(words, extra) && { waits: true }) };
    },
    parseJobId: (stdout) => /^(\d+)(?:\.\d+-\d+:\d+)?$/.exec(lastWords(stdout))?.[1],
    // "Unable to run job: warning: … Your job 155 ("name") has been submitted", exit code 1, and the job is
    // there.
    takenAllTheSame: (stderr) =>
      /^Your job(?:-array)? (\d+)(?:\.\S+)? .*has been submitted/m.exec(stderr)?.[1],
    refusal: explainRefusal,
    isSilence: ({ stderr }) =>
      /unable to (contact|send|connect)|got no connection|can't connect|timeout|commlib error/i.test(stderr),
    holds: (id) => holds(id, options.account === 'project'),
    find,
    status: (ids) => [qstat(ids), qacct(ids)],
    askReasons,
    resume: [
      'Let it go on: `qmod -usj ID`.',
      'Its queue is suspended (S, T in `qstat`)? It goes on by itself after that.',
    ],
    cancel: (ids) => ['qdel', ...ids],
    signal(_ids, name) {
      throw new IpclusterError('RESOURCES', `Grid Engine sends no ${name} to a job on demand.`, {
        suggestions: ['Its own ways are suspend and delete: `qmod -sj`, `qdel`.'],
      });
    },
    explainReason,
  };
}

/** Jobs of Grid Engine. */
export default defineBatchLauncher({
  name: 'sge',
  summary: 'jobs of Grid Engine (qsub)',
  options: z.object({
    pe: z.string().optional().describe('the parallel environment for jobs of several slots (qconf -spl)'),
    gpu: z.string().default('gpu').describe('the complex that counts GPUs here'),
    account: z
      .enum(['account', 'project'])
      .default('account')
      .describe('whether --account means -A (account) or -P (project) here'),
  }),
  dialect: dialectOf,
});
