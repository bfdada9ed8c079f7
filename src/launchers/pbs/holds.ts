import type { Question } from '../../launcher-kit/batch.js';
import type { Holds } from '../../launcher-kit/holds.js';
import { parseClock } from '../../launcher-kit/words.js';
import { parseBlocks } from './states.js';

/** The name that a job has where nobody has named a project (pbs_job_attributes(7B)). */
const noProject = '_pbs_project_default';

/**
 * Account or project, queue and limit of a job, as PBS has them; `project`: which of both pays here
 * (qstat(1B), -f).
 */
export const holds = (id: string, project: boolean): Question<Holds> => ({
  argv: ['qstat', '-f', id],
  parse({ code, stdout }) {
    const [job] = code === 0 ? parseBlocks(stdout) : [];
    if (!job) return undefined;
    const account = job.fields.get(project ? 'project' : 'Account_Name');
    return {
      queue: job.fields.get('queue'),
      account: account === noProject ? undefined : account,
      time: parseClock(job.fields.get('Resource_List.walltime') ?? ''),
    };
  },
});
