import { ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { pristineCopy } from '../base/pristine.js';
import { pinBuffer } from '../base/pristine-buffer.js';

type Spawn = (program: unknown, argv: unknown, options: unknown) => ChildProcess;

/** `spawn` as it is now; its children and their streams keep the methods that they have now. */
export function pristineSpawn(): Spawn {
  const start = spawn as Spawn;
  const { setPrototypeOf } = Object;
  const childCopy = pristineCopy(ChildProcess.prototype);
  const socketCopy = pristineCopy(Socket.prototype);
  const { emit } = Socket.prototype;
  const { apply } = Reflect;
  Object.defineProperty(socketCopy, 'emit', {
    value(this: Socket, event: string, given: unknown): boolean {
      if (event === 'data' && typeof given === 'object') pinBuffer(given as Buffer);
      return apply(emit, this, [event, given]) as boolean;
    },
  });
  return (program, argv, options) => {
    const child = setPrototypeOf(start(program, argv, options), childCopy) as ChildProcess;
    for (let index = 0; index < (child.stdio?.length ?? 0); index++) {
      const stream = child.stdio[index];
      if (stream) setPrototypeOf(stream, socketCopy);
    }
    return child;
  };
}
