import { IpclusterError } from '../base/errors.js';
import { userName } from '../base/owner.js';
import { type BatchDialect, defineBatchLauncher } from '../launcher-kit/batch.js';
import { oneWord, plainPath } from '../launcher-kit/one-word.js';
import { z } from '../launcher-kit/options.js';
import type { Sayings } from '../launcher-kit/sayings.js';
import { clockOf, explainWords, lastWords } from '../launcher-kit/words.js';
import { holds } from './pbs/holds.js';
import { selectResources, torqueResources } from './pbs/resources.js';
import { parseBlocks, pbsnodes, qstat } from './pbs/states.js';
import { reasons, refusals, torqueEnds } from './pbs/words.js';

/** What options of qsub say of our settings. */
const sayings: Sayings = {
  partition: /^-q/,
  account: /^-[AP]/,
  time: /^-l.*(walltime|cput)=/,
  mem: /^-l.*mem=/,
  nodes: /^-l.*(select|nodes|nodect)=/,
  gpus: /^-l.*gpus=/,
  cpusPerTask: /^-l.*[np]cpus=/,
};

/** The dialect itself, as questions and answers. */
export function dialectOf(flavor: 'openpbs' | 'torque', project: boolean): BatchDialect {
  const isTorque = flavor === 'torque';
  return {
    prefix: '#PBS',
    shape: 'gang',
    firstIndex: 0,
    // max_array_size is 10000 unless the site says otherwise (pbs_server_attributes(7B)).
    largestArray: isTorque ? 500 : 10_000,
    refuses: {
      qos: 'PBS has no --qos: say it word for word after --, as your site wants it.',
      constraint: 'PBS has no --constraint: say which nodes in a select statement, after --.',
    },
    detect: {
      argv: ['qsub', '--version'],
      parse({ code, stdout, stderr }) {
        if (code === 127) return 'There is no PBS here: `qsub` is not on your PATH.';
        const said = stdout + stderr;
        if (/pbs_version|PBSPro|OpenPBS|^version:/im.test(said)) return '';
        return (
          'The `qsub` here is not that of PBS: Slurm and Grid Engine have commands of that name. Try ' +
          '`--launcher slurm` or `--launcher sge`.'
        );
      },
    },
    directives(view) {
      const { name, request, range, stdout } = view;
      const { time, queue, account } = request.resources;
      const folder = stdout.replace(/stdout$/, '');
      return [
        ['-N', name],
        ['-S', '/bin/bash'],
        ['-j', 'oe'],
        ['-o', plainPath('PBS', isTorque ? `${folder}scheduler` : folder)],
        // Written where it belongs while it runs, not copied at the end (qsub(1B), -k).
        ...(isTorque ? [] : ([['-k', 'doe']] as const)),
        // Arrays are always rerunnable (qsub(1B), -r).
        ...(range ? [] : ([['-r', 'n']] as const)),
        ...(isTorque ? torqueResources(view) : selectResources(view)),
        ...(time ? [['-l walltime', clockOf(time)] as const] : []),
        ...(queue ? [['-q', oneWord('--partition', queue)] as const] : []),
        ...(account ? [[project ? '-P' : '-A', oneWord('--account', account)] as const] : []),
        ...(range ? [[isTorque ? '-t' : '-J', `${range.first}-${range.last}`] as const] : []),
      ];
    },
    formatDirective: ([option, value]) =>
      value === '' ? option : option.startsWith('-l ') ? `${option}=${value}` : `${option} ${value}`,
    sayings,
    submit: (script, extra) => ({ argv: ['qsub', ...extra, script] }),
    parseJobId: (stdout) => /^\d+(\[\])?(\.[\w.-]+)?$/.exec(lastWords(stdout))?.[0],
    refusal: (said) => explainWords(refusals, said),
    isSilence: ({ stderr }) =>
      /cannot connect|connection refused|no default server|timed? ?out/i.test(stderr),
    find: (names) => ({
      // qselect takes whole names only, so the names of all one's own jobs are looked at.
      argv: [
        '/bin/sh',
        '-c',
        'ids=$(qselect -u "$1") || exit; [ -z "$ids" ] || qstat -f $ids',
        'find',
        userName(),
      ],
      parse({ code, stdout }) {
        if (code !== 0 && code !== 153 && code !== 35) return undefined;
        const jobs = parseBlocks(stdout).map(({ id, fields }) => ({
          id,
          name: fields.get('Job_Name') ?? '',
        }));
        return jobs.filter(({ name }) => name.startsWith(names));
      },
    }),
    status: (ids) =>
      isTorque ? [qstat(ids, ['-t', '-f'])] : [qstat(ids, ['-x', '-t', '-f']), qstat(ids, ['-t', '-f'])],
    resume: [
      'Who looks after the cluster lets it go on: `qsig -s resume ID`.',
      'It was suspended for another job? It goes on by itself after that.',
    ],
    downHosts: pbsnodes,
    cancel: (ids) => ['qdel', ...ids],
    signal(_ids, name) {
      // Recorded: `qsig` reaches the shell that PBS puts around a script as well, which ends by it, and the
      // job with it.
      throw new IpclusterError(
        'RESOURCES',
        `PBS ends a job that is sent ${name}: its own shell around the script gets the signal, too.`,
        {
          suggestions: ['Its own ways are suspend and delete: `qsig -s suspend ID`, `qdel ID`.'],
        },
      );
    },
    holds: (id) => holds(id, project),
    explainReason: (reason) => explainWords(isTorque ? [...torqueEnds, ...reasons] : reasons, reason),
  };
}

/** Jobs of OpenPBS, PBS Professional and Torque. */
export default defineBatchLauncher({
  name: 'pbs',
  summary: 'jobs of OpenPBS and PBS Professional, or Torque (qsub)',
  options: z.object({
    flavor: z
      .enum(['openpbs', 'torque'])
      .default('openpbs')
      .describe('openpbs (PBS Professional too) or torque'),
    account: z
      .enum(['account', 'project'])
      .default('account')
      .describe('whether --account means -A (account) or -P (project) here'),
  }),
  dialect: ({ flavor, account }) => dialectOf(flavor, account === 'project'),
});
