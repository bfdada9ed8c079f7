import { hostname } from 'node:os';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { bootId } from '../base/boot.js';
import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { objectionTo } from '../base/own-socket.js';
import { boundedSignal } from '../base/timer.js';
import { sleep } from '../base/wait.js';
import { webSocketLink } from './framed.js';
import type { Link } from './link.js';
import { dialSocket } from './local-door.js';

/** Where a controller can be reached, and how to know that it is the right one. */
export interface Target {
  addresses: readonly string[];
  port: number;
  socket: string;
  /** Where that socket is: a machine, and a start of its kernel; empty text where that is not known. */
  host: string;
  boot?: string;
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
 * The socket is tried alone for so long (milliseconds), then the addresses as well: whoever holds it may
 * never answer.
 */
const headStart = 2000;

/**
 * Reaches the controller: by the Unix socket where it is on this host, else by all addresses side by side, of
 * which the first that shows the certificate is kept. Throws UNAUTHORIZED, CERTIFICATE or UNREACHABLE, with
 * what every address answered.
 */
export async function dial(target: Target, timeout: number, signal?: AbortSignal): Promise<Link> {
  const attempts: Attempt[] = [];
  const losers = new AbortController();
  const race = boundedSignal(timeout, AbortSignal.any([losers.signal, ...(signal ? [signal] : [])]));
  let chosen: Link | undefined;
  const attempt = async (address: string, dialled: Promise<Link>): Promise<Link> => {
    try {
      const link = await dialled;
      if (chosen) link.destroy();
      chosen ??= link;
      return link;
    } catch (error) {
      attempts.push({ address, answer: answerOf(error) });
      throw error;
    }
  };
  const local = isHere(target) ? attempt(target.socket, dialOwnSocket(target, race)) : undefined;
  if (local) await Promise.race([local, sleep(headStart, race)]).catch(() => {});
  try {
    const others = chosen
      ? []
      : target.addresses.map((address) => attempt(address, dialAddress(target, address, race)));
    return await Promise.any([...(local ? [local] : []), ...others]);
  } catch (error) {
    signal?.throwIfAborted();
    // Whoever refuses the token holds the certificate: it is the controller, and no other address will say
    // better.
    const refusal = error instanceof AggregateError ? error.errors.find(isRefusal) : undefined;
    throw refusal ?? unreachable(target, attempts);
  } finally {
    losers.abort();
  }
}

/**
 * True when the socket is one of this machine, as it runs now: the same path elsewhere is somebody else's.
 */
function isHere({ socket, host, boot = '' }: Target): boolean {
  return socket !== '' && host === hostname() && (boot === '' || boot === bootId());
}

async function dialOwnSocket({ socket, token }: Target, signal: AbortSignal): Promise<Link> {
  const objection = objectionTo(socket);
  if (objection !== undefined) throw new Error(objection);
  return dialSocket(socket, token, signal);
}

function answerOf(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ABORT_ERR' || (error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name)))
    return 'no answer in time';
  return error instanceof IpclusterError ? error.message : (code ?? messageOf(error));
}

const isRefusal = (error: unknown): boolean =>
  error instanceof IpclusterError && error.code === 'UNAUTHORIZED';

function unreachable({ port }: Target, attempts: readonly Attempt[]): IpclusterError {
  const wrong = attempts.find(({ answer }) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|fingerprint/i.test(answer));
  const told =
    attempts.map(({ address, answer }) => `${address} (${answer})`).join(', ') || 'no address in the file';
  if (wrong) return new IpclusterError('CERTIFICATE', `Another program answers at port ${port}: ${told}.`);
  return new IpclusterError('UNREACHABLE', `The controller cannot be reached: ${told}.`, { transient: true });
}

const refused = (): IpclusterError =>
  new IpclusterError('UNAUTHORIZED', 'The controller does not accept this token.');

/** The bytes of a certificate that is written as PEM. */
const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');

type Connected = (error: Error | null, socket?: TLSSocket) => void;

/**
 * Connects to who holds the very certificate of the file; nobody else is told anything. It is compared here
 * and not by chain: reading the chain's end would make Node parse all authorities that it knows, 20 to 40 ms
 * for each process (docs/decisions/0013).
 */
function connectPinned(target: Target, host: string, signal: AbortSignal, done: Connected): void {
  const socket = connectTls({
    host,
    port: target.port,
    ca: [],
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  });
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
    headers: { authorization: `Bearer ${target.token}` },
    generateMask: (mask: Buffer) => mask.fill(0),
    createConnection: (_options: unknown, done: Connected) =>
      void connectPinned(target, address, signal, done),
  };
  // The types of ws do not know that a connection may come later, as it does for node:http, to which this is
  // handed.
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
