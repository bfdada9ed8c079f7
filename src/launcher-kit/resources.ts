import { formatDuration } from '../base/quantities.js';

/**
 * What engines need, in words that every scheduler has for itself. What is undefined is the site's business.
 */
export interface Resources {
  nodes?: number | undefined;
  tasksPerNode?: number | undefined;
  cpusPerTask?: number | undefined;
  /** Bytes for one engine. */
  memory?: number | undefined;
  /** GPUs for one engine. */
  gpus?: number | undefined;
  /** Milliseconds until the scheduler ends the job. */
  time?: number | undefined;
  queue?: string | undefined;
  account?: string | undefined;
  qos?: string | undefined;
  constraint?: string | undefined;
}

/**
 * How engines are asked for: in one job that starts as a whole, or in elements that start as places become
 * free.
 */
export type Shape = 'gang' | 'array';

/** What is done on each node before anything of ours runs there, in this order unless another is chosen. */
export interface Surroundings {
  modules: readonly string[];
  conda?: string | undefined;
  venv?: string | undefined;
  environment: Readonly<Record<string, string>>;
  /** Lines of shell, as the user wrote them. */
  prologue: readonly string[];
  epilogue: readonly string[];
  /** The prologue comes last when absent; first, it may define what modules and environments need. */
  setupOrder?: SetupOrder | undefined;
}

/** What is done first on a node: modules and environments, or the prologue's lines. */
export type SetupOrder = 'modules-first' | 'prologue-first';

/** What a batch system is asked for. */
export interface BatchRequest {
  resources: Resources;
  /** The system's own way when absent. */
  shape?: Shape | undefined;
  /** Words for the scheduler, as they stood after `--`. */
  extra: readonly string[];
  /** Directives to put in place of ours; an empty text removes one. */
  directives: Readonly<Record<string, string>>;
  surroundings: Surroundings;
  /** How processes get to their nodes: the system's own way, or as ranks of an MPI job. */
  spread?: 'native' | 'mpirun' | 'srun' | undefined;
  /** Most elements of one array, as the system has told; what is usual when absent. */
  largestArray?: number | undefined;
  /** True for a program that runs once, on the first node, and is never started again by the scheduler. */
  single: boolean;
}

/** How the engines of a request lie: in how many parts of how many engines. */
export interface Layout {
  shape: Shape;
  /** Nodes, or elements of an array; undefined where the scheduler is free to choose. */
  parts: number | undefined;
  perPart: number | undefined;
}

/**
 * Spreads engines: evenly, where anybody said how; an array needs a size, which is one engine where nothing
 * is known.
 */
export function layoutOf(
  count: number,
  { resources, shape }: BatchRequest,
  preferred: Shape,
  nodeSize?: number,
): Layout {
  const { nodes, tasksPerNode, cpusPerTask = 1 } = resources;
  const chosen = shape ?? preferred;
  const fits =
    nodeSize === undefined ? undefined : Math.max(1, Math.min(count, Math.floor(nodeSize / cpusPerTask)));
  const perPart =
    tasksPerNode ?? (nodes ? Math.ceil(count / nodes) : chosen === 'array' ? (fits ?? 1) : undefined);
  return { shape: chosen, perPart, parts: perPart === undefined ? undefined : Math.ceil(count / perPart) };
}

/** What will be asked for, in one line: `64 engines: 64 CPUs × 1h 00m = 64 core-hours, account X`. */
export function describeRequest(
  count: number,
  { resources }: BatchRequest,
  { parts, perPart, shape }: Layout,
): string {
  const { cpusPerTask = 1, time, account, queue, gpus } = resources;
  const cpus = (parts && perPart && shape === 'gang' ? parts * perPart : count) * cpusPerTask;
  const places =
    parts === undefined || perPart === undefined
      ? ''
      : `${parts} ${shape === 'array' ? 'elements' : 'nodes'} × ${perPart} = `;
  const hours = time === undefined ? undefined : (cpus * time) / 3_600_000;
  const cost =
    hours === undefined
      ? `${cpus} CPUs`
      : `${cpus} CPUs × ${formatDuration(time ?? 0)} = ${Number(hours.toFixed(1))} core-hours`;
  const rest = [
    gpus && `${gpus * count} GPUs`,
    account && `account ${account}`,
    queue && `queue ${queue}`,
  ].filter(Boolean);
  return [`${places}${count} engines: ${cost}`, ...rest].join(', ');
}
