import type { Command } from '@oclif/core';
import Clean from './clean.js';
import Completion from './completion.js';
import ConfigShow from './config/show.js';
import Connect from './connect.js';
import EnginesAdd from './engines/add.js';
import EnginesInterrupt from './engines/interrupt.js';
import EnginesRestart from './engines/restart.js';
import EnginesStop from './engines/stop.js';
import Exec from './exec.js';
import Kill from './kill.js';
import Launchers from './launchers.js';
import List from './list.js';
import Logs from './logs.js';
import MapCommand from './map.js';
import Nuke from './nuke.js';
import ProfileCreate from './profile/create.js';
import ProfileDelete from './profile/delete.js';
import ProfileList from './profile/list.js';
import ProfileShow from './profile/show.js';
import Ps from './ps.js';
import Result from './result.js';
import Script from './script.js';
import Start from './start.js';
import Status from './status.js';
import Stop from './stop.js';
import Why from './why.js';

/** Every command by its id; a colon stands for the space between topic and command. */
export const COMMANDS: Record<string, Command.Class> = {
  start: Start,
  stop: Stop,
  status: Status,
  why: Why,
  list: List,
  exec: Exec,
  map: MapCommand,
  result: Result,
  connect: Connect,
  logs: Logs,
  'engines:add': EnginesAdd,
  'engines:restart': EnginesRestart,
  'engines:stop': EnginesStop,
  'engines:interrupt': EnginesInterrupt,
  ps: Ps,
  kill: Kill,
  clean: Clean,
  nuke: Nuke,
  'profile:create': ProfileCreate,
  'profile:list': ProfileList,
  'profile:show': ProfileShow,
  'profile:delete': ProfileDelete,
  'config:show': ConfigShow,
  launchers: Launchers,
  script: Script,
  completion: Completion,
};

/** The flags of a command by name; some have none. */
export function flagsOf(command: Command.Class | undefined): Command.Class['flags'] {
  return command?.flags ?? {};
}
