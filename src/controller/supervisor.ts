import type { AllocationContent } from '../protocol/messages.js';
import type { Peer } from '../transport/peer.js';

/** A supervisor that has registered, across its connections. */
export interface Supervisor {
  name: string;
  /** Names the supervisor across its connections. */
  run: string;
  /** Whose token it came by. */
  holder: string;
  host: string;
  rank: number | null;
  /** The batch job that it is part of. */
  allocation: AllocationContent | null;
  /** Its connection; another one after it came back. */
  peer: Peer;
  /** Set while its connection is lost and it may still come back. */
  away: NodeJS.Timeout | undefined;
}
