import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { connect, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listenOnSocket } from '../../../src/base/listen.js';

/** A server before whose first `losses` tries another program takes the empty folder away. */
class Unlucky extends Server {
  readonly folder: string;
  losses: number;

  constructor(folder: string, losses: number) {
    super();
    this.folder = folder;
    this.losses = losses;
  }
  override listen(...given: unknown[]): this {
    if (this.losses-- > 0) rmdirSync(this.folder);
    return super.listen(...(given as []));
  }
}

describe('listening on a socket', () => {
  const make = (losses: number): { server: Unlucky; path: string } => {
    const folder = join(mkdtempSync(join(tmpdir(), 'ipcluster-listen-')), 'sockets');
    return { server: new Unlucky(folder, losses), path: join(folder, 'a.sock') };
  };

  test('makes its folder again when that went meanwhile', async () => {
    const { server, path } = make(3);
    await listenOnSocket(server, path);
    await new Promise<void>((resolve, reject) => connect(path, resolve).once('error', reject).unref());
    server.close();
    rmSync(join(path, '../..'), { recursive: true });
  });

  test('tries again where yet another program has made the folder meanwhile', async () => {
    const { server, path } = make(3);
    server.on('error', () => mkdirSync(server.folder, { mode: 0o700 }));
    await listenOnSocket(server, path);
    expect(server.losses).toBe(-1);
    server.close();
    rmSync(join(path, '../..'), { recursive: true });
  });

  test('gives up after some tries, and at once where the folder is not the reason', async () => {
    const { server, path } = make(30);
    await expect(listenOnSocket(server, path)).rejects.toMatchObject({ code: 'EACCES' });
    expect(server.losses).toBe(10);
    const first = new Unlucky(server.folder, 0);
    await listenOnSocket(first, path);
    const second = new Unlucky(server.folder, 0);
    await expect(listenOnSocket(second, path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    first.close();
    rmSync(join(path, '../..'), { recursive: true });
  });
});
