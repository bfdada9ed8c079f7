import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { ensureFolder } from '../base/own-folder.js';
import { nodeFlags, programFile } from '../base/package.js';
import { poll } from '../base/wait.js';
import { openTool } from '../processes/tool.js';
import { readConnectionFile } from '../profile/connection-file.js';
import { type Place, pathsOf } from '../profile/paths.js';

/** A gateway for Python's clients of this machine, for as long as it is wanted. */
export interface OpenRelay {
  /** The connection file for `ipyparallel.Client`. */
  file: string;
  /** Settles with what it has said, when it has ended. */
  ended: Promise<string>;
  close(): Promise<void>;
}

/** It has to reach the controller within this time (milliseconds). */
const patience = 15_000;

/** The machine's name as a part of a file's. */
const machine = (): string => hostname().replace(/[^\w-].*$/, '');

/**
 * Opens a gateway here to the controller that `controllerFile` names. Throws CONNECTION_FILE, or UNREACHABLE
 * with what the gateway says.
 */
export async function openRelay(
  place: Place,
  controllerFile: string,
  plain: boolean,
  signal: AbortSignal,
): Promise<OpenRelay> {
  readConnectionFile(controllerFile);
  const { relayFile, security } = pathsOf(place);
  const file = relayFile(machine());
  ensureFolder(security);
  await removeFile(file);
  const flags = ['--controller', controllerFile, '--file', file, '--attached', ...(plain ? ['--plain'] : [])];
  const tool = openTool({
    argv: [process.execPath, ...nodeFlags, programFile('ipgateway'), ...flags],
    env: process.env,
    onOutput: () => {},
  });
  const close = async (): Promise<void> => {
    tool.stop();
    await tool.ended;
    await removeFile(file);
  };
  let said: string | undefined;
  void tool.ended.then((text) => {
    said = text;
  });
  const open = await poll(
    () => (existsSync(file) || said !== undefined ? true : undefined),
    { timeout: patience, signal },
    50,
  );
  if (open && said === undefined) return { file, ended: tool.ended, close };
  await close();
  throw new IpclusterError(
    'UNREACHABLE',
    said?.trim() || 'The gateway did not reach the controller in time.',
    {
      files: [controllerFile],
    },
  );
}
