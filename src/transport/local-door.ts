import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { socketLink } from './framed.js';
import type { Link } from './link.js';
import { isNonce, isSame, newNonce, type Pass, proofOf, proofSize, tokenName } from './proof.js';

/*
 * The Unix socket: an HTTP upgrade with a proof from either side (docs/decisions/0016), and then the stream
 * of packets as it is.
 */

/** The word of our own upgrade: the stream as it is, without WebSocket's frames. */
const upgradeWord = 'ipcluster';
/** The scheme under which a peer names its token and gives its number. */
const scheme = 'Ipcluster';
const nonceHeader = 'ipcluster-nonce';
const proofHeader = 'ipcluster-proof';

/** What a peer asks to be let in by: the name of its token, and its number. */
function wishOf({ headers }: IncomingMessage): { name: string; nonce: string } | undefined {
  const [word, name = '', nonce] = (headers.authorization ?? '').split(' ');
  return word === scheme && headers.upgrade === upgradeWord && isNonce(nonce) ? { name, nonce } : undefined;
}

/**
 * Lets a peer in that holds a token: shows him first that this is the controller, then waits for his proof.
 * Calls one of the two, unless the socket ends before; what is refused has been told nothing that helps.
 */
export function admitLocal<Role extends string>(
  request: IncomingMessage,
  socket: Duplex,
  first: Buffer,
  passOf: (name: string) => Pass<Role> | undefined,
  { enter, refuse }: { enter: (link: Link, pass: Pass<Role>) => void; refuse: () => void },
): void {
  const wish = wishOf(request);
  const pass = wish && passOf(wish.name);
  if (!wish || !pass) return refuse();
  const nonce = newNonce();
  const shown = proofOf(pass.token, 'controller', wish.nonce, nonce).toString('base64url');
  const headers =
    `Upgrade: ${upgradeWord}\r\nConnection: Upgrade\r\n${nonceHeader}: ` +
    `${nonce}\r\n${proofHeader}: ${shown}`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n\r\n`);
  let heard = first;
  const hear = (chunk: Buffer): void => {
    heard = heard.length > 0 ? Buffer.concat([heard, chunk]) : chunk;
    if (heard.length < proofSize) return;
    socket.off('data', hear);
    const given = heard.subarray(0, proofSize);
    if (!isSame(given, proofOf(pass.token, 'peer', wish.nonce, nonce))) return refuse();
    enter(socketLink(socket, heard.subarray(proofSize)), pass);
  };
  socket.on('data', hear);
}

/** Dials a Unix socket. Nothing of worth is said before whoever answers has shown that he holds the token. */
export function dialSocket(path: string, token: string, signal: AbortSignal): Promise<Link> {
  const nonce = newNonce();
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath: path,
      signal,
      headers: {
        connection: 'Upgrade',
        upgrade: upgradeWord,
        authorization: `${scheme} ${tokenName(token)} ${nonce}`,
      },
    });
    request.once('upgrade', ({ headers }, socket, first) => {
      const theirs = String(headers[nonceHeader] ?? '');
      const shown = Buffer.from(String(headers[proofHeader] ?? ''), 'base64url');
      if (!isNonce(theirs) || !isSame(shown, proofOf(token, 'controller', nonce, theirs))) {
        socket.destroy();
        return reject(new Error('another program answers there'));
      }
      // The signal bounds the dialling; once there is a link it must not end it.
      socket.removeAllListeners('error');
      socket.write(proofOf(token, 'peer', nonce, theirs));
      resolve(socketLink(socket, first));
    });
    request.once('response', ({ statusCode }) => {
      request.destroy();
      // Who says so has not shown who he is: it is an answer like any other.
      reject(new Error(statusCode === 401 ? 'does not know this token' : `HTTP ${statusCode}`));
    });
    request.once('error', reject);
    request.end();
  });
}
