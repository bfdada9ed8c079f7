// What must hold at the end of a round, whatever was done to it: from the logs of clients, the journals of
// engines and what commands said.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { uglyIn, untrue } from './errors.js';

const lines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean);
const balanced = /^(one|burst|map|autoMap|graph|flaky)$|:balanced$/;

/**
 * The requests of one client by key: `{ key, kind, ids, accepted, ok, error, wrong, at, settled }`, and what
 * it said of itself.
 */
export function readClient(path) {
  const requests = new Map();
  const facts = { requests, hanging: [], unsettled: [], closed: undefined, said: [], log: path };
  for (const line of lines(path)) {
    const entry = parse(line);
    if (!entry) continue;
    if (entry.kind) requests.set(entry.key, { ...entry, begun: entry.at });
    else if (entry.key)
      Object.assign(requests.get(entry.key) ?? {}, entry, {
        settled: 'ok' in entry || 'wrong' in entry ? entry.at : undefined,
      });
    if (entry.kind && 'ok' in entry) requests.get(entry.key).settled = entry.at;
    for (const [key, ids] of entry.accepted ?? []) {
      const request = requests.get(key);
      if (request && balanced.test(request.kind)) request.accepted = ids;
    }
    if (entry.hanging) facts.hanging = entry.hanging;
    if (entry.unsettled) Object.assign(facts, { unsettled: entry.unsettled, closed: entry.closed });
    for (const words of [entry.error, entry.refused, entry.unconnected, entry.watch])
      if (words) facts.said.push({ at: entry.at, ...words });
  }
  return facts;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    // The last line of a client that was killed.
    return undefined;
  }
}

/** Runs of each key as the engines wrote them down: `{ engine, supervisor, at }` in order of time. */
export function readRuns(folder) {
  const runs = new Map();
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.runs'))) {
    for (const line of lines(join(folder, name))) {
      const [key, engine, supervisor, time] = line.split(' ');
      const at = name === 'shell.runs' ? Number(time) * 1000 : Number(time);
      runs.set(key, [
        ...(runs.get(key) ?? []),
        { engine: Number(engine), supervisor: Number(supervisor), at, shell: name === 'shell.runs' },
      ]);
    }
  }
  for (const list of runs.values()) list.sort((a, b) => a.at - b.at);
  return runs;
}

const disruptive =
  /^(kill|term|stop) (engine|supervisor|controller)|^limit|network$|^delete|^fill|^read-only/;

/**
 * Second runs: those that a fault on that engine, its supervisor, the network or a controller explains, and
 * the others.
 */
function judgeRuns(runs, requests, { played, restarts, lease, resubmitted }) {
  const [explained, unexplained] = [[], []];
  for (const [key, list] of runs) {
    const request = requests.get(key) ?? requests.get(key.replace(/\.\d+$/, ''));
    if (list.length < 2 || request?.kind === 'flaky' || resubmitted.has(key)) continue;
    for (let index = 1; index < list.length; index++) {
      const second = list[index];
      // A request to all engines runs once on each.
      const first = list
        .slice(0, index)
        .findLast(({ engine }) => request?.kind !== 'all' || engine === second.engine);
      if (!first) continue;
      const hit = (fault) => {
        if (
          !disruptive.test(fault.kind) ||
          fault.begin > second.at ||
          fault.end + 2 * lease + 3000 < first.at
        )
          return false;
        return (
          first.shell ||
          fault.role === 'controller' ||
          !/engine|supervisor/.test(fault.role) ||
          fault.pids.some((pid) =>
            [first, second].some(({ engine, supervisor }) => pid === engine || pid === supervisor),
          )
        );
      };
      const direct = request && !balanced.test(request.kind) && !request.kind.startsWith('command');
      const cause = played.some(hit) || restarts.some((at) => at >= first.at - 1000 && at <= second.at);
      if (cause && !direct) explained.push(key);
      else
        unexplained.push(
          `${key} (${request?.kind}) on ${first.engine} at ${first.at} and on ${second.engine} at ` +
            `${second.at}`,
        );
    }
  }
  return { explained, unexplained };
}

/**
 * Everything together. `stored` are the answers that a later client found for accepted tasks whose own client
 * did not get them.
 */
export function judge({
  clients,
  runs,
  played,
  lease,
  stored,
  said,
  late,
  left,
  fell,
  memory,
  excused,
  logs,
}) {
  const broken = {
    lost: [],
    wrong: [],
    hanging: [...late.map((args) => `ipcluster ${args}`)],
    twice: [],
    left,
    ugly: [],
    untrue: [],
    fell,
    memory: memory && memory.ratio > 1.3 ? [`${memory.ratio.toFixed(2)}`] : [],
  };
  const [counts, errors] = [{ requests: 0, ok: 0 }, {}];
  const restarts = [];
  const before = (at) => played.filter(({ begin }) => begin <= at).map(({ kind }) => kind);
  const all = new Map();
  const resubmitted = new Set();
  for (const { requests, hanging, unsettled, closed, said: words, log } of clients) {
    for (const request of requests.values()) {
      all.set(request.key, request);
      counts.requests++;
      if (request.kind === 'restart') restarts.push(request.begun);
      if (request.kind === 'resubmit')
        for (const one of requests.values()) if (one.kind === 'one') resubmitted.add(one.key);
      if (request.ok) counts.ok++;
      if (request.twice) broken.wrong.push(`${request.key} settled twice`);
      if (request.wrong) broken.wrong.push(`${request.key} (${request.kind}): ${request.wrong}`);
      if (request.error) errors[nameOf(request.error)] = (errors[nameOf(request.error)] ?? 0) + 1;
    }
    for (const key of hanging) broken.hanging.push(`${key} (${requests.get(key)?.kind})`);
    for (const key of unsettled) broken.hanging.push(`${key} (${requests.get(key)?.kind}) after close`);
    if (closed === false) broken.hanging.push(`close() of ${log}`);
    for (const one of words) {
      const ugly = one.code === 'INTERNAL' ? `INTERNAL: ${one.message}` : uglyIn(one.message);
      if (ugly) broken.ugly.push(`a client was told: ${ugly}`);
    }
  }
  const restarted = [
    ...played.map(({ kind, begin }) => ({ kind, begin })),
    ...restarts.map((begin) => ({ kind: 'restart', begin })),
  ];
  for (const request of all.values()) {
    if (!request.error || request.kind === 'ask' || request.kind === 'resubmit' || request.kind === 'restart')
      continue;
    const kinds = restarted.filter(({ begin }) => begin <= request.settled).map(({ kind }) => kind);
    const why = untrue(request.error, kinds, request.kind);
    if (why) broken.untrue.push(`${request.key} (${request.kind}): ${why}`);
    if (request.accepted && /has lost this task/.test(request.error.message) && !excused)
      broken.lost.push(`${request.key}: ${request.error.message}`);
  }
  for (const { key, wrong, lost } of stored) {
    if (wrong) broken.wrong.push(`${key}, stored: ${wrong}`);
    if (lost && !excused) broken.lost.push(`${key}: ${lost}`);
  }
  for (const { args, text } of said) {
    const ugly = uglyIn(text);
    if (ugly) broken.ugly.push(`ipcluster ${args}: ${ugly}`);
  }
  for (const { path, text } of logs) {
    const ugly = uglyIn(text);
    if (ugly) broken.ugly.push(`${path}: ${ugly}`);
  }
  const { explained, unexplained } = judgeRuns(runs, all, { played, restarts, lease, resubmitted });
  broken.twice.push(...unexplained);
  return { ...counts, errors, doubles: explained.length, memory: memory?.ratio, broken, before };
}

const nameOf = ({ code, name, ename }) => (code === 'REMOTE' && ename ? `REMOTE/${ename}` : (code ?? name));

/** Accepted tasks whose client did not get an answer: who looks for them by their ids. */
export function owed(clients) {
  return clients.flatMap(({ requests }) =>
    [...requests.values()].flatMap(({ key, kind, accepted, ok, wrong, error }) => {
      if (
        !accepted ||
        ok ||
        wrong ||
        (error &&
          error.code !== 'CLOSED' &&
          error.code !== 'UNAUTHORIZED' &&
          error.code !== 'CLUSTER_NOT_FOUND' &&
          error.code !== 'REMOTE')
      )
        return [];
      if (error?.code === 'REMOTE' && !error.parts) return [];
      return accepted.map((id) => ({ key, kind, id }));
    }),
  );
}
