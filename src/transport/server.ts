import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { listen, listenOnSocket } from '../base/listen.js';
import type { PortRange } from '../base/quantities.js';
import { webSocketLink } from './framed.js';
import type { Link } from './link.js';
import { admitLocal } from './local-door.js';
import { holdsToken, type Pass, tokenName } from './proof.js';

/**
 * A stranger has this long to show a token (milliseconds), and so many of them may be there at once: the
 * oldest go first.
 */
const strangerTime = 5000;
const mostStrangers = 256;
/** Who was refused has this long to read it and go (milliseconds). */
const refusalTime = 1000;

export interface ServerOptions<Role extends string> {
  /** Address to bind. */
  host: string;
  ports: PortRange;
  socketPath: string;
  certificate: { key: string; certificate: string };
  /** The pass whose token goes by that name; undefined for none. */
  passOf: (name: string) => Pass<Role> | undefined;
  onLink: (link: Link, pass: Pass<Role>, address: string) => void;
  /** Answers GET of a path with JSON, or undefined where there is nothing. */
  onGet: (path: string, role: Role) => unknown;
}

export interface RunningServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Opens the one port (TLS, WebSocket) and the Unix socket, both behind the same tokens: without a valid one
 * every path answers 401 with an empty body. On the port tokens are told, since the certificate has proved
 * the controller; on the socket each side proves that it holds one. Throws PORT_IN_USE or ADDRESS.
 */
export async function openServer<Role extends string>(options: ServerOptions<Role>): Promise<RunningServer> {
  const { key, certificate: cert } = options.certificate;
  const bounds = {
    headersTimeout: strangerTime,
    requestTimeout: strangerTime,
    connectionsCheckingInterval: strangerTime / 5,
    keepAliveTimeout: strangerTime,
  };
  const tcp = createHttpsServer({
    key,
    cert,
    minVersion: 'TLSv1.3',
    handshakeTimeout: strangerTime,
    ...bounds,
  });
  const local = createHttpServer(bounds);
  const strangers: Strangers = new Map();
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 1 << 24 });
  const upgraded = new Set<Duplex>();
  const known = (request: IncomingMessage, socket: Duplex): void => {
    strangers.delete(keyOf(request.socket));
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
  };
  for (const server of [tcp, local] as Server[]) {
    server.on('connection', (socket: Socket) => admitStranger(strangers, socket));
    server.on('upgrade', (_request: IncomingMessage, socket: Duplex) =>
      socket.on('error', () => socket.destroy()),
    );
  }
  local.on('request', (_request, response) => void response.writeHead(401).end());
  local.on('upgrade', (request: IncomingMessage, socket: Duplex, first: Buffer) => {
    // The server's own bounds end with the upgrade.
    const late = setTimeout(() => socket.destroy(), strangerTime);
    socket.once('close', () => clearTimeout(late));
    const enter = (link: Link, pass: Pass<Role>): void => {
      clearTimeout(late);
      known(request, socket);
      options.onLink(link, pass, 'this host');
    };
    admitLocal(request, socket, first, options.passOf, { enter, refuse: () => refuse(socket) });
  });
  tcp.on('request', (request, response) =>
    answerGet(options, passOfBearer(options, request)?.role, request, response),
  );
  tcp.on('upgrade', (request: IncomingMessage, socket: Duplex, first: Buffer) => {
    const pass = passOfBearer(options, request);
    if (!pass) return refuse(socket);
    known(request, socket);
    const address = request.socket.remoteAddress ?? 'somewhere';
    webSockets.handleUpgrade(request, socket, first, (webSocket) =>
      options.onLink(webSocketLink(webSocket), pass, address),
    );
  });
  await listenOnSocket(local, options.socketPath);
  const port = await listenInRange(tcp as unknown as Server, options.host, options.ports);
  return {
    port,
    async close() {
      // The server forgets sockets that were upgraded, but waits for them.
      for (const socket of upgraded) socket.destroy();
      await Promise.all([tcp as unknown as Server, local].map(closeServer));
    },
  };
}

/**
 * Keeps the number of those small who have shown no token: they cost memory, and must not keep others out.
 */
function admitStranger(strangers: Strangers, socket: Socket): void {
  const key = keyOf(socket);
  strangers.set(key, socket);
  socket.once('close', () => strangers.delete(key));
  socket.on('error', () => socket.destroy());
  if (strangers.size <= mostStrangers) return;
  const [oldest] = strangers.values();
  oldest?.destroy();
}

/** Says no and lets go: what the stranger still sends is read and dropped, or his end would never be seen. */
function refuse(socket: Duplex): void {
  socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  socket.resume();
  const late = setTimeout(() => socket.destroy(), refusalTime);
  socket.once('close', () => clearTimeout(late));
}

type Strangers = Map<string | Socket, Socket>;

/** What a TLS socket and the TCP socket below it have in common; a Unix socket is itself. */
const keyOf = (socket: Socket): string | Socket =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * The pass that a request shows by saying its token, for who has proved to be the controller by its
 * certificate.
 */
function passOfBearer<Role extends string>(
  { passOf }: ServerOptions<Role>,
  request: IncomingMessage,
): Pass<Role> | undefined {
  const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
  const pass = scheme === 'Bearer' ? passOf(tokenName(token)) : undefined;
  return pass && holdsToken(pass, token) ? pass : undefined;
}

function answerGet<Role extends string>(
  options: ServerOptions<Role>,
  role: Role | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (!role) return void response.writeHead(401).end();
  const answer = request.method === 'GET' ? options.onGet(request.url ?? '/', role) : undefined;
  if (answer === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

/** Binds the first free port of the range. Binding is the test: nothing can take the port in between. */
async function listenInRange(server: Server, host: string, { first, last }: PortRange): Promise<number> {
  for (let port = first; port <= last; port++) {
    try {
      await listen(server, { host, port });
      return (server.address() as AddressInfo).port;
    } catch (cause) {
      const code = systemCode(cause);
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EINVAL') {
        throw new IpclusterError('ADDRESS', `This machine has no address ${host} to listen on.`, { cause });
      }
      if (code === 'EACCES')
        throw new IpclusterError('PORT_IN_USE', `Port ${port} may not be opened by you.`, { cause });
      if (code !== 'EADDRINUSE')
        throw new IpclusterError('ADDRESS', `Cannot listen on ${host}: ${messageOf(cause)}`, { cause });
    }
  }
  const range = first === last ? `Port ${first}` : `Every port from ${first} to ${last}`;
  throw new IpclusterError('PORT_IN_USE', `${range} on ${host} is taken by another program.`);
}
