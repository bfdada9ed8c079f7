import { IpclusterError } from '../base/errors.js';
import { setApart } from './frames.js';
import { type LargePacket, largePacketOf } from './large-packet.js';
import { head, largePacket, pad } from './layout.js';
import { type Route, readRoute } from './routes.js';

/*
 * A packet is what travels: u32 bytes after the first 8, u32 length of the route, the route (JSON, padded
 * with spaces), the body. The body is a message that relays pass on as the bytes received. Everything starts
 * at a multiple of 8, so that typed arrays of large messages can be used in place.
 */

/** One received packet: where it goes, and the message as bytes. */
export interface Packet {
  route: Route;
  body: Buffer;
}

/** The largest packet: what one Buffer of Node 20 can hold, less a page. */
const maximumPacket = 0xffff_f000;

/** Routes name ids and engines; a larger one is noise. */
const largestRoute = 1 << 20;

/** Encodes a packet around a body that is given in parts; the parts themselves are not copied. */
export function encodePacket(route: Route, body: readonly Buffer[]): Buffer[] {
  const text = JSON.stringify(route);
  const length = Buffer.byteLength(text);
  const routeLength = pad(length);
  let size = routeLength;
  for (const part of body) size += part.length;
  if (size > maximumPacket)
    throw new IpclusterError(
      'TOO_LARGE',
      `A packet of ${size} bytes is too large to be sent: ${maximumPacket} is the most.`,
    );
  const start = Buffer.allocUnsafe(head + routeLength);
  start.writeUInt32LE(size, 0);
  start.writeUInt32LE(routeLength, 4);
  start.write(text, head);
  start.fill(0x20, head + length);
  return [start, ...body];
}

/** Joins runs of small buffers, so that thousands of messages cost one write; large ones stay as they are. */
export function joinSmall(parts: readonly Buffer[]): Buffer[] {
  const chunks: Buffer[] = [];
  let run: Buffer[] = [];
  let size = 0;
  const endRun = (): void => {
    if (run.length > 0) chunks.push(run.length === 1 ? (run[0] as Buffer) : Buffer.concat(run, size));
    run = [];
    size = 0;
  };
  for (const part of parts) {
    if (part.length >= largePacket) {
      endRun();
      chunks.push(part);
      continue;
    }
    run.push(part);
    size += part.length;
    if (size >= largePacket) endRun();
  }
  endRun();
  return chunks;
}

/**
 * Cuts a stream of chunks into packets; one reader per connection. Throws PROTOCOL on bytes that are no
 * packets.
 */
export class PacketReader {
  /** The largest packet that is taken; undefined for any. */
  limit: number | undefined;
  readonly #apart: boolean;
  #rest: Buffer = Buffer.alloc(0);
  #large: LargePacket | undefined;

  /**
   * With `apart`, large frames have memory of their own: for who decodes what comes, and does not pass it on.
   */
  constructor({ limit, apart = false }: { limit?: number; apart?: boolean } = {}) {
    this.limit = limit;
    this.#apart = apart;
  }

  push(chunk: Buffer): Packet[] {
    const packets: Packet[] = [];
    let data = chunk;
    if (this.#large) {
      const used = this.#large.fill(data);
      const whole = this.#large.whole();
      if (!whole) return packets;
      packets.push(decodePacket(whole.bytes, whole.apart));
      this.#large = undefined;
      data = data.subarray(used);
    } else if (this.#rest.length > 0) {
      data = Buffer.concat([this.#rest, chunk]);
    }
    this.#rest = this.#cut(data, packets);
    return packets;
  }

  /**
   * Cuts whole packets off the front and answers what is left, unless that went into a large packet's own
   * buffer.
   */
  #cut(data: Buffer, packets: Packet[]): Buffer {
    let offset = 0;
    while (data.length - offset >= head) {
      const length = head + data.readUInt32LE(offset);
      if (data.readUInt32LE(offset + 4) > largestRoute)
        throw new IpclusterError('PROTOCOL', 'A packet claims an absurd route.');
      if (length > Math.min(this.limit ?? maximumPacket, maximumPacket) + head)
        throw new IpclusterError('PROTOCOL', `A packet claims ${length} bytes.`);
      if (data.length - offset < length) {
        if (length < largePacket) break;
        const start = data.subarray(offset);
        this.#large = largePacketOf(length, start, this.#apart);
        this.#large.fill(start);
        return Buffer.alloc(0);
      }
      packets.push(decodePacket(data.subarray(offset, offset + length)));
      offset += length;
    }
    return data.subarray(offset);
  }
}

function decodePacket(bytes: Buffer, apart?: ReadonlyMap<number, Buffer>): Packet {
  const routeLength = bytes.readUInt32LE(4);
  if (head + routeLength > bytes.length)
    throw new IpclusterError('PROTOCOL', 'A packet has a route that is too long.');
  const text = bytes.toString('utf8', head, head + routeLength);
  let route: unknown;
  try {
    route = JSON.parse(text);
  } catch (cause) {
    throw new IpclusterError('PROTOCOL', 'A packet has a route that is no JSON.', { cause });
  }
  if (typeof route !== 'object' || route === null)
    throw new IpclusterError('PROTOCOL', 'A packet has no channel.');
  const body = bytes.subarray(head + routeLength);
  if (apart) setApart(body, apart);
  return { route: readRoute(route), body };
}
