/** Variables by which users bend what query commands print (site-realities, "Environment"). */
const bending = /^(SQUEUE_|SACCT_|SINFO_|SLURM_TIME_FORMAT$|SLURM_BITSTR_LEN$|NODE_OPTIONS$)/;

/** For questions: without what changes their answers, and in English. */
export function queryEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !bending.test(name)));
  return { ...kept, LC_ALL: 'C', SLURM_BITSTR_LEN: '0' };
}

/**
 * What a job may inherit from the one who submits it: the login's own variables and his defaults for the scheduler. What a surrounding
 * job has set, and what leads to this very machine (TMPDIR, DISPLAY, agents), stays here (site-realities, "Environment").
 */
const wanted =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|MODULE\w*|LMOD_\w+|BASH_ENV|BASH_FUNC_.+|_LMFILES_|LOADEDMODULES|LD_LIBRARY_PATH|MANPATH|SBATCH_(ACCOUNT|PARTITION|QOS|RESERVATION|CONSTRAINT)|SLURM_(CONF|CLUSTERS)|PBS_(DEFAULT|SERVER|CONF_FILE|EXEC)|SGE_(ROOT|CELL|CLUSTER_NAME|QMASTER_PORT|EXECD_PORT)|LSF_\w+|EGO_\w+)$/;
const surrounding = /^LSF_(JOB|LIM_API_NTRIES$)/;

/** For submits. */
export function submitEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => wanted.test(name) && !surrounding.test(name)));
}
