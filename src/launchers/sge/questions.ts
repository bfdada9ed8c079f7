import { userName } from '../../base/owner.js';
import type { Question, Report } from '../../launcher-kit/contract.js';
import type { Holds } from '../../launcher-kit/holds.js';
import { parseClock } from '../../launcher-kit/words.js';
import { endOf, sgeState } from './states.js';

/** The flat elements of one `job_list` in qstat's XML. */
const textOf = (block: string, name: string): string =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(block)?.[1]?.trim() ?? '';
const jobLists = (xml: string): string[] =>
  [...xml.matchAll(/<job_list[^>]*>([\s\S]*?)<\/job_list>/g)].map(([, block = '']) => block);

/** Expands `4-8:2,11` as qstat shows tasks that wait. */
function tasksOf(text: string): string[] {
  return text.split(',').flatMap((part) => {
    const [, first, last = first, step = '1'] = /^(\d+)(?:-(\d+))?(?::(\d+))?$/.exec(part.trim()) ?? [];
    if (first === undefined) return [];
    const count = Math.floor((Number(last) - Number(first)) / Number(step)) + 1;
    return Array.from({ length: count }, (_unused, index) => String(Number(first) + index * Number(step)));
  });
}

/** How jobs are, an element of an array a report. */
export const qstat = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['qstat', '-xml', '-u', userName()],
  parse({ code, stdout }) {
    if (code !== 0 || !stdout.includes('</job_info>')) return undefined;
    return jobLists(stdout).flatMap((block): Report[] => {
      const id = textOf(block, 'JB_job_number');
      if (!ids.includes(id)) return [];
      const letters = textOf(block, 'state');
      const report = { id, incarnation: letters.includes('R') ? 1 : 0, state: sgeState(letters) };
      const tasks = tasksOf(textOf(block, 'tasks'));
      return tasks.length === 0 ? [report] : tasks.map((element) => ({ ...report, element }));
    });
  },
});

/** Ended jobs: qacct's text, a block for each task, some seconds late (accounting(5)). */
export const qacct = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['/bin/sh', '-c', 'for id; do qacct -j "$id"; done; true', 'ended', ...ids],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    return stdout.split(/^=+$/m).flatMap((block): Report[] => {
      const field = (name: string): string =>
        new RegExp(`^${name}\\s+(.*)$`, 'm').exec(block)?.[1]?.trim() ?? '';
      const [id, task] = [field('jobnumber'), field('taskid')];
      if (!ids.includes(id)) return [];
      return [
        {
          id,
          incarnation: 0,
          state: endOf(field('failed'), field('exit_status')),
          ...(/^\d+$/.test(task) && { element: task }),
        },
      ];
    });
  },
});

/** Live jobs of this user whose names begin so. */
export const find = (names: string): Question<{ id: string; name: string }[]> => ({
  argv: ['qstat', '-xml', '-u', userName()],
  parse({ code, stdout }) {
    if (code !== 0 || !stdout.includes('</job_info>')) return undefined;
    const jobs = jobLists(stdout).map((block) => ({
      id: textOf(block, 'JB_job_number'),
      name: textOf(block, 'JB_name'),
    }));
    return jobs.filter(
      ({ id, name }, index) => name.startsWith(names) && jobs.findIndex((job) => job.id === id) === index,
    );
  },
});

/**
 * Most elements of an array: what one may have (max_aj_tasks), and what may run of one at a time
 * (max_aj_instances), since engines are wanted all at once; 0 means no limit of that kind (sge_conf(5)).
 */
export const largestArray: Question<number> = {
  argv: ['qconf', '-sconf'],
  parse({ code, stdout }) {
    const numbers = [/^max_aj_tasks\s+(\d+)/m, /^max_aj_instances\s+(\d+)/m].map((words) =>
      Number(words.exec(stdout)?.[1] ?? 0),
    );
    const limits = numbers.filter((size) => size > 0);
    return code === 0 && limits.length > 0 ? Math.min(...limits) : undefined;
  },
};

/**
 * Account or project, queue and limit of a job, as Grid Engine has them: its text, a field a line (qstat(1),
 * -j). `project`: which of both pays here. A limit that is in force stays: `qalter -l h_rt=` of a running job
 * is taken, but counts only when it is started again (submit(1), "-l"), so the end of a job that runs is
 * never asked for.
 */
export const holds = (id: string, project: boolean): Question<Holds> => ({
  argv: ['qstat', '-j', id],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(stdout)?.[1]?.trim();
    const account = field(project ? 'project' : 'account');
    const limit = /(?:^|,)h_rt=([\d:]+)/.exec(field('hard resource_list') ?? '')?.[1];
    return {
      queue: field('hard_queue_list'),
      // What is written where nobody has named any (sge_conf(5)).
      account: account === 'sge' ? undefined : account,
      time: limit === undefined ? undefined : parseClock(limit),
    };
  },
});
