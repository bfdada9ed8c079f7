import { parseBytes, parseCount, parseDuration, parseLimit } from '../base/quantities.js';
import type { Settings } from '../config/resolve.js';
import type { SettingKey } from '../config/settings.js';
import type { BatchRequest, Resources, SetupOrder } from '../launcher-kit/resources.js';

/** What settings ask a batch system for. */
export function batchRequest(values: Settings, extra: readonly string[]): BatchRequest {
  return {
    resources: resourcesOf(values),
    shape: values.text('shape') as BatchRequest['shape'],
    spread: values.text('spread') as BatchRequest['spread'],
    extra,
    directives: pairs(values.lines('directives')),
    surroundings: {
      modules: values.lines('modules'),
      conda: values.text('conda'),
      venv: values.text('venv'),
      environment: pairs(values.lines('environment')),
      prologue: values.lines('prologue'),
      epilogue: values.lines('epilogue'),
      setupOrder: values.text('setupOrder') as SetupOrder,
    },
    single: false,
  };
}

function resourcesOf(values: Settings): Resources {
  const number = (key: SettingKey): number | undefined => {
    const text = values.text(key);
    return text === undefined ? undefined : parseCount(text, key, 1);
  };
  const [memory, time] = [values.text('mem'), values.text('time')];
  return {
    nodes: number('nodes'),
    tasksPerNode: number('ntasksPerNode'),
    cpusPerTask: number('cpusPerTask'),
    gpus: number('gpus'),
    memory: memory === undefined ? undefined : parseBytes(memory, '--mem'),
    time: time === undefined ? undefined : parseLimit(time, '--time'),
    queue: values.text('partition'),
    account: values.text('account'),
    qos: values.text('qos'),
    constraint: values.text('constraint'),
  };
}

/** Splits `a=b=c` at the first equals sign. */
function pairs(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
}

/** What a controller that has a job of its own needs: one processor, for as long as its engines have. */
export function controllerRequest({
  resources,
  extra,
  directives,
  surroundings,
}: BatchRequest): BatchRequest {
  const { time, queue, account, qos } = resources;
  return { resources: { time, queue, account, qos }, extra, directives, surroundings, single: true };
}

/** Milliseconds of a setting; undefined for none and for 0. */
export function durationOf(values: Settings, key: SettingKey): number | undefined {
  const text = values.text(key);
  return text === undefined ? undefined : parseDuration(text, key) || undefined;
}
