import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { closeFolder } from '../base/own-folder.js';
import type { SettingKey } from '../config/settings.js';
import { askTool } from './ask-tool.js';
import { BatchJobs } from './batch-jobs.js';
import type { JobRef, JobSpec, Launcher, LauncherDefinition, LaunchOptions } from './contract.js';
import type { BatchDialect, BatchView, Question } from './dialect.js';
import { describeHolds } from './holds.js';
import { readRefs, writeRef } from './job-files.js';
import type { z } from './options.js';
import { type LaunchPlan, type PlannedCommand, type PlannedFile, writePlan } from './plan.js';
import { type BatchRequest, describeRequest, type Layout, layoutOf, type Resources } from './resources.js';
import { wordsFor } from './sayings.js';
import { directiveLines, directivesOf, plainRequest, scriptFiles } from './script.js';
import type { State } from './states.js';
import { submitJob } from './submit.js';

export type { BatchDialect, BatchView, Directive, Question, Report, ToolOutcome } from './dialect.js';

/** Asks one question; undefined is no answer. */
async function ask<Answer>(question: Question<Answer>): Promise<Answer | undefined> {
  const outcome = await askTool(question.argv);
  return outcome.timedOut ? undefined : question.parse(outcome);
}

/** What is submitted at once. */
interface Part {
  view: BatchView;
  files: PlannedFile[];
  command: PlannedCommand;
}

const planOf = (parts: readonly Part[]): LaunchPlan => ({
  files: parts.flatMap(({ files }) => files),
  commands: parts.map(({ command }) => command),
});

/** A batch system as a launcher: scripts, submits, ids, one question for all jobs, exit records, ends. */
class BatchLauncher implements Launcher {
  readonly name: string;
  readonly reach = 'elsewhere';
  readonly suspends = true;
  // See site-realities, "Time and money".
  readonly usual: Readonly<Record<string, string>>;
  readonly #dialect: BatchDialect;
  readonly #templates: string | undefined;
  readonly #jobs: BatchJobs;

  constructor(name: string, dialect: BatchDialect, templates: string | undefined) {
    this.name = name;
    this.usual = {
      time: '1h',
      idleTimeout: '15m',
      lease: '15m',
      ip: 'private',
      ...dialect.userDefaults?.(process.env),
    };
    this.#templates = templates;
    this.#dialect = dialect;
    this.#jobs = new BatchJobs(dialect, ask);
  }

  describe(spec: JobSpec): string {
    const request = requestOf(spec);
    const isSaid = (key: SettingKey): boolean => this.saysOtherwise(key, request) !== undefined;
    const { time, queue, account } = request.resources;
    // What words of the scheduler's own say goes before these.
    const resources = {
      ...request.resources,
      time: isSaid('time') ? undefined : time,
      queue: isSaid('partition') ? undefined : queue,
      account: isSaid('account') ? undefined : account,
    };
    return describeRequest(spec.count, { ...request, resources }, this.#layout(spec));
  }

  saysOtherwise(key: SettingKey, request: BatchRequest): string | undefined {
    return wordsFor(this.#dialect.sayings ?? {}, key, request);
  }

  plan(spec: JobSpec): LaunchPlan {
    return planOf(this.#parts(spec));
  }

  async launch(spec: JobSpec, { signal, onNotice }: LaunchOptions = {}): ReturnType<Launcher['launch']> {
    signal?.throwIfAborted();
    const missing = await ask(this.#dialect.detect);
    if (missing) throw new IpclusterError('SCHEDULER_MISSING', missing);
    if (missing === undefined)
      throw new IpclusterError('SCHEDULER_SILENT', `${this.name} is installed, but does not answer.`);
    closeFolder(spec.jobDir);
    const parts = this.#parts(spec);
    writePlan(planOf(parts));
    const ref: JobRef = { launcher: this.name, ids: [], jobDir: spec.jobDir, name: spec.name };
    // Written down before anything is submitted: should this program die now, the job is found by its name.
    writeRef(ref);
    let told = '';
    try {
      for (const { view, command } of parts) {
        const { id, notes } = await submitJob(this.#dialect, command, view.name, ask);
        ref.ids.push(id);
        // Of several arrays, all are told the same.
        if (notes && notes !== told) onNotice?.(`${this.name} has taken the job, and says: ${notes}`);
        told = notes;
        writeRef(ref);
        signal?.throwIfAborted();
      }
      void this.#tellHolds(ref, spec, onNotice);
    } catch (error) {
      if (ref.ids.length > 0) await this.#jobs.observe(ref).cancel();
      throw error;
    }
    return this.#jobs.observe(ref);
  }

  /** Tells what became of a request; nobody waits for it, and no answer changes nothing. */
  async #tellHolds({ ids }: JobRef, spec: JobSpec, onNotice: LaunchOptions['onNotice']): Promise<void> {
    const request = requestOf(spec);
    const question = this.#dialect.holds?.(ids[0] ?? '');
    const holds = question && (await ask(question));
    const sentences =
      holds && describeHolds(request, holds, (key) => this.saysOtherwise(key, request) !== undefined);
    if (sentences) onNotice?.(sentences);
  }

  async attach(ref: JobRef): ReturnType<Launcher['attach']> {
    return this.#jobs.observe(ref);
  }

  async find(jobsFolder: string, names: string): Promise<JobRef[]> {
    const written = await readRefs(jobsFolder, this.name);
    const listed = await this.#listed(names);
    const known = new Set(written.flatMap(({ ids }) => ids));
    const strangers = listed
      .filter(({ id }) => !known.has(id))
      .map(
        ({ id, name }): JobRef => ({
          launcher: this.name,
          ids: [id],
          jobDir: written.find((ref) => ref.name === name)?.jobDir ?? join(jobsFolder, name),
          name,
        }),
      );
    const live = new Set(listed.map(({ id }) => id));
    return [...written.filter(({ ids }) => ids.some((id) => live.has(id))), ...strangers];
  }

  /**
   * Live jobs whose names begin so; none where the system is not on this machine. Throws SCHEDULER_SILENT.
   */
  async #listed(names: string): Promise<{ id: string; name: string }[]> {
    const { argv, parse } = this.#dialect.find(names);
    const outcome = await askTool(argv);
    const listed = outcome.timedOut ? undefined : parse(outcome);
    if (listed) return listed;
    // Systems share names of commands: one that is not there has nothing, whatever another one's command
    // said.
    const isSilent = outcome.timedOut || this.#dialect.isSilence(outcome);
    if (outcome.code === 127 || (!isSilent && (await ask(this.#dialect.detect)))) return [];
    throw new IpclusterError(
      'SCHEDULER_SILENT',
      `${this.name} does not answer: whether jobs of this cluster are there is not known.`,
      {
        verdict: 'scheduler-silent',
      },
    );
  }

  async inquire({ ids }: JobRef, state: State): ReturnType<NonNullable<Launcher['inquire']>> {
    const question = ids.length > 0 ? this.#dialect.askCause?.(ids, state) : undefined;
    return question && (await ask(question));
  }

  async downHosts(hosts: readonly string[], ref?: JobRef): Promise<Map<string, string>> {
    const question = this.#dialect.downHosts?.(hosts, ref?.ids ?? []);
    return (question && (await ask(question))) ?? new Map();
  }

  without(nodes: readonly string[]): string[] {
    return this.#dialect.without?.(nodes) ?? [];
  }

  explain: Launcher['explain'] = (evidence) => this.#jobs.explain(evidence);

  /**
   * An array needs to know how large a node is, where nobody has said how many engines go to one, and how
   * large it may be. Where the system does not say it in time, an element is one engine, and arrays are as
   * large as systems usually take.
   */
  async survey(spec: JobSpec): Promise<JobSpec> {
    const request = requestOf(spec);
    if (this.#layout(spec).shape !== 'array') return spec;
    const { nodes, tasksPerNode } = request.resources;
    const { nodeSize, askLargestArray } = this.#dialect;
    const [size, largestArray] = await Promise.all([
      nodeSize && !nodes && !tasksPerNode ? ask(nodeSize(request)) : undefined,
      askLargestArray && ask(askLargestArray),
    ]);
    const { perPart } = layoutOf(spec.count, request, 'array', size);
    const resources =
      nodeSize && !nodes ? { ...request.resources, tasksPerNode: perPart } : request.resources;
    return { ...spec, batch: { ...request, resources, largestArray } };
  }

  #layout(spec: JobSpec): Layout {
    const request = requestOf(spec);
    return request.single
      ? { shape: 'gang', parts: 1, perPart: 1 }
      : layoutOf(spec.count, request, this.#dialect.shape);
  }

  /** What is submitted: one job, or as many arrays as the system's largest makes necessary. */
  #parts(spec: JobSpec): Part[] {
    const request = requestOf(spec);
    refuse(this.#dialect, request.resources);
    const layout = this.#layout(spec);
    const { firstIndex } = this.#dialect;
    const largestArray = request.largestArray ?? this.#dialect.largestArray;
    const elements = layout.shape === 'array' ? (layout.parts ?? 1) : 0;
    const arrays = Math.max(1, Math.ceil(elements / largestArray));
    // Even sizes: an array of a single element is none.
    const most = Math.ceil(elements / arrays);
    return Array.from({ length: arrays }, (_unused, index) => {
      const offset = index * most;
      const size = Math.min(most, elements - offset);
      const range = elements > 1 ? { first: firstIndex, last: firstIndex + size - 1 } : undefined;
      const view: BatchView = {
        name: spec.name,
        comment: `ipcluster ${spec.jobDir}`,
        count: spec.count,
        request,
        layout,
        range,
        stdout: join(spec.jobDir, 'stdout'),
        stderr: join(spec.jobDir, 'stderr'),
      };
      const directives = directivesOf(this.#dialect, view);
      const files = scriptFiles(this.name, spec, {
        lines: directiveLines(this.#dialect, directives),
        layout,
        offset,
        firstIndex,
        part: index,
        templates: this.#templates,
        ranged: range !== undefined,
      });
      const path = files[0]?.path ?? '';
      const { argv, onInput, waits } = this.#dialect.submit(path, request.extra, directives);
      return { view, files, command: { argv, ...(onInput && { input: path }), ...(waits && { waits }) } };
    });
  }
}

const requestOf = ({ batch, count }: JobSpec): NonNullable<JobSpec['batch']> =>
  batch ?? { ...plainRequest, single: count === 1 };

function refuse({ refuses }: BatchDialect, resources: Resources): void {
  for (const [word, sentence] of Object.entries(refuses))
    if (resources[word as keyof Resources] !== undefined) throw new IpclusterError('RESOURCES', sentence);
}

/** Declares a launcher for a batch system. */
export function defineBatchLauncher<Options extends z.ZodObject>(definition: {
  name: string;
  summary: string;
  /** The folder of its templates, where they are not ours: it holds `NAME/job.sh.hbs`. */
  templates?: string;
  options: Options;
  dialect(options: z.output<Options>): BatchDialect;
}): LauncherDefinition<Options> {
  const { name, summary, options, templates, dialect } = definition;
  return { name, summary, options, create: (given) => new BatchLauncher(name, dialect(given), templates) };
}
