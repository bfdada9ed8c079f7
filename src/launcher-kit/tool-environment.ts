/*
 * What of a user's environment reaches the tools of a scheduler. Users and sites change by variables what
 * tools print and what they select; here they must speak as their documentation says, to the question that
 * was asked (site-realities, "Environment").
 */

/**
 * Defaults of each tool of Slurm, which has a family of variables for each: SQUEUE_FORMAT, SCANCEL_STATE,
 * SACCT_FORMAT …
 */
const slurmTools =
  /^(SQUEUE|SCANCEL|SINFO|SACCT|SACCTMGR|SCONTROL|SBATCH|SALLOC|SRUN|SPRIO|SSHARE|SSTAT|SREPORT|SDIAG)_/;
/**
 * Of what is Slurm's or Grid Engine's as a whole, only what leads to the cluster: the rest says how tools
 * speak (SLURM_DEBUG …).
 */
const slurmWhole = /^SLURM_(?!(CONF|CONF_SERVER|CLUSTERS|JWT|SACK_\w+)$)/;
const gridEngine = /^SGE_(?!(ROOT|CELL|CLUSTER_NAME|QMASTER_PORT|EXECD_PORT|ARCH)$)/;
/** LSF and PBS: formats, what is left out or added, and traces. */
const others =
  /^(LSB_\w*(FORMAT|DISPLAY|DEBUG|LOG_MASK)\w*|LSB_(BJOBS|BHIST|BACCT|BQUEUES|BHOSTS)_\w+|LSF_\w*(DEBUG|LOG_MASK|CMD_LOG)\w*|BSUB_\w+|PBS_?\w*DEBUG\w*|PBS_QSTAT\w*)$/;
const bendings = [slurmTools, slurmWhole, gridEngine, others, /^NODE_OPTIONS$/];
const bends = (name: string): boolean => bendings.some((words) => words.test(name));

/** For questions and orders: without what changes answers or what an order reaches, and in English. */
export function queryEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !bends(name)));
  return { ...kept, LC_ALL: 'C', SLURM_BITSTR_LEN: '0' };
}

/**
 * A user's defaults for sbatch: where a job goes, and what it gets there. Not those that decide what the
 * script is, where its words go, how often it runs and whether sbatch waits (SBATCH_OUTPUT, _ARRAY_INX,
 * _EXPORT, _REQUEUE, _WAIT …): these are ours.
 */
const sbatchDefault =
  /^SBATCH_(ACCOUNT|PARTITION|QOS|RESERVATION|CONSTRAINT|TIMELIMIT|EXCLUSIVE|GRES|GRES_FLAGS|GPUS|GPUS_PER_NODE|CPUS_PER_GPU|MEM_PER_(CPU|GPU|NODE)|GPU_FREQ|HINT|THREADS_PER_CORE|CORE_SPEC|NETWORK|PROFILE|ACCTG_FREQ|WCKEY|POWER|REQ_SWITCH|WAIT4SWITCH|SPREAD_JOB|USE_MIN_NODES|DELAY_BOOT)$/;
/**
 * What is another way to ask for the same as an option: of these, only the option that was named goes to
 * sbatch.
 */
const rivals: readonly (readonly [option: RegExp, variable: RegExp])[] = [
  [/^--mem/, /^SBATCH_MEM_PER_/],
  [/^(--gres|--gpus|-G)/, /^SBATCH_(GRES|GPUS|GPUS_PER_NODE)$/],
];

/**
 * What a job may inherit from the one who submits it: the login's own variables and his defaults for the
 * scheduler. What a surrounding job has set, and what leads to this very machine (TMPDIR, DISPLAY, agents),
 * stays here (site-realities, "Environment").
 */
const wanted =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|MODULE\w*|LMOD_\w+|BASH_ENV|BASH_FUNC_.+|_LMFILES_|LOADEDMODULES|LD_LIBRARY_PATH|MANPATH|SLURM_(CONF|CLUSTERS)|PBS_(DEFAULT|SERVER|CONF_FILE|EXEC)|SGE_(ROOT|CELL|CLUSTER_NAME|QMASTER_PORT|EXECD_PORT)|LSF_\w+|LSB_DEFAULT\w+|EGO_\w+)$/;
const surrounding = /^LSF_(JOB|LIM_API_NTRIES$)/;

/** For the submit `argv`: what the command line says is not said once more, and otherwise, by a variable. */
export function submitEnvironment(env: NodeJS.ProcessEnv, argv: readonly string[] = []): NodeJS.ProcessEnv {
  const beaten = rivals
    .filter(([option]) => argv.some((word) => option.test(word)))
    .map(([, variable]) => variable);
  const goes = (name: string): boolean => {
    if (sbatchDefault.test(name)) return !beaten.some((words) => words.test(name));
    return wanted.test(name) && !surrounding.test(name) && !bends(name);
  };
  return Object.fromEntries(Object.entries(env).filter(([name]) => goes(name)));
}
