import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchRequest, JobSpec } from '../../../src/launcher-kit/contract.js';
import { createLauncher, openLauncher } from '../../../src/launcher-kit/registry.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';

/** How a node's script ended, and what its log says. */
export interface NodeRun {
  code: number | null;
  log: string;
}

/** Writes the script that runs on each node of a Slurm job into `folder`, and what it is told of the job. */
export async function renderNode(
  folder: string,
  surroundings: Partial<BatchRequest['surroundings']>,
  argv: JobSpec['argv'] = ['/bin/sh', '-c', 'echo "it ran: $FOUND"'],
): Promise<void> {
  const batch = {
    ...plainRequest,
    surroundings: { ...plainRequest.surroundings, ...surroundings },
    single: false,
  };
  const spec: JobSpec = {
    name: 'ipc-123456',
    argv,
    count: 1,
    batch,
    env: { IPCLUSTER_MARK: folder },
    jobDir: folder,
  };
  const { files } = createLauncher(await openLauncher('slurm'), []).plan(spec);
  const node = files.find(({ path }) => path.endsWith('/node.sh'));
  writeFileSync(join(folder, 'node.sh'), node?.text ?? '', { mode: 0o700 });
  writeFileSync(join(folder, 'allocation.sh'), 'export IPCLUSTER_INCARNATION=0\n');
}

/**
 * Runs it as node `index`, with no more environment than `env`; `then` is given the id of its process group.
 */
export function runNode(
  folder: string,
  index: number,
  env: Record<string, string> = {},
  then: (pid: number) => void = () => {},
): Promise<NodeRun> {
  const child = spawn('/bin/bash', [join(folder, 'node.sh'), join(folder, 'allocation.sh'), String(index)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env },
    stdio: 'inherit',
    detached: true,
  });
  then(child.pid as number);
  return new Promise((resolve) => {
    child.once('close', (code) =>
      resolve({ code, log: readFileSync(join(folder, `node-${index}.log`), 'utf8') }),
    );
  });
}
