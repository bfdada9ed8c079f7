import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { socketLink, webSocketLink } from './framed.js';
import type { Link } from './link.js';
import { upgradeWord } from './server.js';

/** Where a controller can be reached, and how to know that it is the right one. */
export interface Target {
  addresses: readonly string[];
  port: number;
  socket: string;
  certificate: string;
  fingerprint: string;
  token: string;
}

/** What one address answered, for the breadcrumb and the error. */
interface Attempt {
  address: string;
  answer: string;
}

/**
 * Reaches the controller: the Unix socket where it is on this host, else all addresses side by side, of which the first that
 * shows the certificate is kept. Throws UNAUTHORIZED, CERTIFICATE or UNREACHABLE, with what every address answered.
 */
export async function dial(target: Target, timeout: number, signal?: AbortSignal): Promise<Link> {
  const attempts: Attempt[] = [];
  const bound = AbortSignal.any([AbortSignal.timeout(Math.ceil(timeout)), ...(signal ? [signal] : [])]);
  if (existsSync(target.socket)) {
    const link = await dialSocket(target, bound).catch((error: unknown) => note(attempts, target.socket, error));
    if (link) return link;
    signal?.throwIfAborted();
    // It is on this host and has all the time been silent: its port will say no more.
    if (bound.aborted) throw unreachable(target, attempts);
  }
  const losers = new AbortController();
  const tries = target.addresses.map((address) =>
    dialAddress(target, address, AbortSignal.any([bound, losers.signal])).catch((error: unknown) => {
      note(attempts, address, error);
      throw error;
    }),
  );
  try {
    return await Promise.any(tries);
  } catch (error) {
    signal?.throwIfAborted();
    // Whoever refuses the token holds the certificate: it is the controller, and no other address will say better.
    const refusal = error instanceof AggregateError ? error.errors.find(isRefusal) : undefined;
    throw refusal ?? unreachable(target, attempts);
  } finally {
    losers.abort();
  }
}

function note(attempts: Attempt[], address: string, error: unknown): undefined {
  if (isRefusal(error)) throw error;
  const code = systemCode(error);
  attempts.push({ address, answer: code === 'ABORT_ERR' ? 'no answer in time' : (code ?? messageOf(error)) });
  return undefined;
}

const isRefusal = (error: unknown): boolean => error instanceof IpclusterError && error.code === 'UNAUTHORIZED';

function unreachable({ port }: Target, attempts: readonly Attempt[]): IpclusterError {
  const wrong = attempts.find(({ answer }) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|fingerprint/i.test(answer));
  const told = attempts.map(({ address, answer }) => `${address} (${answer})`).join(', ') || 'no address in the file';
  if (wrong) return new IpclusterError('CERTIFICATE', `Another program answers at port ${port}: ${told}.`);
  return new IpclusterError('UNREACHABLE', `The controller cannot be reached: ${told}.`, { transient: true });
}

const authorization = (token: string): string => `Bearer ${token}`;
const refused = (): IpclusterError => new IpclusterError('UNAUTHORIZED', 'The controller does not accept this token.');

function dialSocket(target: Target, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath: target.socket,
      signal,
      headers: { connection: 'Upgrade', upgrade: upgradeWord, authorization: authorization(target.token) },
    });
    request.once('upgrade', (_response, socket, first) => {
      // The signal bounds the dialling; once there is a link it must not end it.
      socket.removeAllListeners('error');
      resolve(socketLink(socket, first));
    });
    request.once('response', ({ statusCode }) => {
      request.destroy();
      reject(statusCode === 401 ? refused() : new Error(`HTTP ${statusCode}`));
    });
    request.once('error', reject);
    request.end();
  });
}

/** The bytes of a certificate that is written as PEM. */
const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');

type Connected = (error: Error | null, socket?: TLSSocket) => void;

/**
 * Connects to who holds the very certificate of the file; nobody else is told anything. It is compared here and not by chain: reading
 * the chain's end would make Node parse all authorities that it knows, 20 to 40 ms for each process (docs/decisions/0013).
 */
function connectPinned(target: Target, host: string, signal: AbortSignal, done: Connected): void {
  const socket = connectTls({ host, port: target.port, ca: [], rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  const stop = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  const settle = (error: Error | null): void => {
    signal.removeEventListener('abort', stop);
    socket.off('error', settle);
    if (error) socket.on('error', () => {}).destroy();
    done(error, error ? undefined : socket);
  };
  socket.once('error', settle);
  socket.once('secureConnect', () => {
    const { fingerprint256, raw } = socket.getPeerCertificate();
    const isIt = fingerprint256 === target.fingerprint && raw.equals(derOf(target.certificate));
    settle(isIt ? null : new Error('another certificate (fingerprint differs)'));
  });
}

function dialAddress(target: Target, address: string, signal: AbortSignal): Promise<Link> {
  const host = address.includes(':') ? `[${address}]` : address;
  const options = {
    perMessageDeflate: false,
    maxPayload: 1 << 24,
    headers: { authorization: authorization(target.token) },
    generateMask: (mask: Buffer) => mask.fill(0),
    createConnection: (_options: unknown, done: Connected) => void connectPinned(target, address, signal, done),
  };
  // The types of ws do not know that a connection may come later, as it does for node:http, to which this is handed.
  const webSocket = new WebSocket(`wss://${host}:${target.port}/`, options as unknown as ClientOptions);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
      webSocket.terminate();
    };
    signal.addEventListener('abort', stop, { once: true });
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      reject(statusCode === 401 ? refused() : new Error(`HTTP ${statusCode}`));
    });
    webSocket.once('open', () => {
      signal.removeEventListener('abort', stop);
      resolve(webSocketLink(webSocket));
    });
  });
}
