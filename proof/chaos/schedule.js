// What a seed means: how the cluster of its round is made, who works on it, and what is done to it when.
import { chance } from './random.js';

/** How often each kind of fault is drawn; what each does stands in `faults.js`. */
const weights = {
  'kill engine': 4,
  'kill supervisor': 2,
  'kill controller': 3,
  'kill client': 2,
  'term engine': 1,
  'term supervisor': 1,
  'term controller': 1,
  'stop engine': 2,
  'stop supervisor': 2,
  'stop controller': 2,
  'stop client': 2,
  'fill disk': 3,
  'read-only disk': 2,
  'limit descriptors': 3,
  'limit processes': 3,
  'limit file sizes': 3,
  'clock jumps': 1,
  'cut network': 2,
  'stall network': 1,
  'slow network': 1,
  'delete connection files': 1,
  'delete registered file': 1,
  'delete sockets': 1,
  'delete memory files': 1,
  'delete logs': 1,
  'delete key': 1,
  'delete write-ahead log': 0.3,
};

const limited = ['engine', 'supervisor', 'controller'];

/**
 * One fault: when, what, to whom (`pick`, a share of those that there are then) and for how long. Plain JSON.
 */
function drawFault(draw, at, lease) {
  const kind = draw.weighted(weights);
  const fault = { at, kind, pick: Number(draw.next().toFixed(3)) };
  if (kind.startsWith('stop'))
    return { ...fault, for: Math.round(lease * (draw.odds(0.7) ? 0.3 + draw.next() * 1.4 : 2.2)) };
  if (kind === 'fill disk' || kind === 'read-only disk') return { ...fault, for: draw.between(1000, 6000) };
  if (kind.startsWith('limit')) {
    const role = draw.pick(kind === 'limit descriptors' ? [...limited, 'client'] : limited);
    return { ...fault, role, for: draw.between(500, 5000), strict: draw.odds(0.6) };
  }
  if (kind.endsWith('network')) return { ...fault, for: draw.between(500, lease + 1500) };
  return fault;
}

/** A client's nature: a clock that is wrong, TLS through a bad network, and what it prefers to do. */
function drawClient(draw, index) {
  const network = index % 2 === 1;
  return {
    seed: draw.between(1, 2 ** 30),
    network,
    clock: draw.odds(0.3) ? draw.pick(['-8d', '+8d', '-1h']) : '',
    watches: draw.odds(0.3),
  };
}

/** The whole round of a seed. */
export function scheduleOf(seed, { seconds = 60, faults = Math.round(seconds * 0.45) } = {}) {
  const draw = chance(seed);
  const lease = draw.between(3, 5) * 1000;
  const supervisors = draw.between(2, 3);
  const engines = draw.between(Math.max(4, supervisors), 6);
  const clients = Array.from({ length: draw.between(3, 4) }, (_unused, index) => drawClient(draw, index));
  const times = Array.from({ length: faults }, () => draw.between(1500, seconds * 1000 - 1000)).sort(
    (a, b) => a - b,
  );
  const disk = draw.between(192, 320);
  return {
    seed,
    seconds,
    lease,
    supervisors,
    engines,
    disk,
    clients,
    faults: times.map((at) => drawFault(draw, at, lease)),
  };
}
