import type { AnswerGuards, Guards } from './conversations/conversation.js';
import type {
  ControllerToSupervisor,
  SupervisorToController,
} from './conversations/supervisor-controller.js';
import {
  answer,
  engineId,
  engineIds,
  errorAnswer,
  header,
  moment,
  mostEngines,
  name,
  outcome,
  path,
  processId,
  requestIds,
  sentence,
} from './fields.js';
import { byName, finite, flag, type Guard, list, object, orNull, whole, word } from './guards.js';
import type { AllocationContent, EngineUp, Evidence, HeldRequest, MessageContents } from './messages.js';

const up = {
  id: engineId,
  uuid: name,
  pid: processId,
  language: word('javascript', 'python'),
  log: orNull(path),
  restarts: whole(0, 2 ** 31),
  cpus: orNull(sentence),
  gpus: orNull(sentence),
};

const held = object<HeldRequest>({ queue: word('direct', 'balanced'), header });

const allocation = object<AllocationContent>({
  job: name,
  element: orNull(name),
  incarnation: whole(0, 2 ** 31),
  node: whole(0, 2 ** 31),
  deadline: orNull(moment),
});

const evidence = object<Evidence>({
  exit: sentence,
  lastLines: list(sentence, 1000),
  memory: orNull(finite),
  crash: flag,
  started: requestIds,
});

/** An id that is wished for; -1 for any. */
const wishes = list(whole(-1, 2 ** 31), mostEngines);

/** Supervisor → controller: the fields of what it says. */
export const supervisorMessages: Guards<SupervisorToController> = {
  registration_request: object<MessageContents['registration_request']>({
    version: name,
    protocol: finite,
    host: name,
    pid: processId,
    run: name,
    count: whole(0, mostEngines),
    ids: wishes,
    rank: orNull(whole(0, 2 ** 31)),
    allocation: orNull(allocation),
    engines: list(
      object<EngineUp & { held: HeldRequest[] }>({ ...up, held: list(held, 10_000_000) }),
      mostEngines,
    ),
  }),
  places_request: object<MessageContents['places_request']>({ ids: wishes }),
  engine_up: object<EngineUp>(up),
  engine_down: object<MessageContents['engine_down']>({
    id: engineId,
    uuid: name,
    reason: sentence,
    restarting: flag,
    evidence,
  }),
  engine_facts: object<MessageContents['engine_facts']>({
    memory: byName(finite, mostEngines),
    stale: byName(list(path, 10_000), mostEngines),
  }),
  deadline: object<MessageContents['deadline']>({ deadline: moment }),
  caught_up: object<object>({}),
};

const ok = word('ok');
const ids = answer(object<{ status: 'ok'; ids: number[] }>({ status: ok, ids: engineIds }));

/** Supervisor → controller: the fields of its answers. */
export const supervisorAnswers: AnswerGuards<ControllerToSupervisor> = {
  cancel_reply: answer(
    object<{ status: 'ok'; outcome: typeof outcome extends Guard<infer O> ? O : never }>({
      status: ok,
      outcome,
    }),
  ),
  reclaim_reply: answer(object<{ status: 'ok'; ids: string[] }>({ status: ok, ids: requestIds })),
  signal_reply: ids,
  restart_reply: ids,
  stop_reply: ids,
  error_reply: errorAnswer,
};
