/* What packets and the messages in them have in common: where things start, and what is large. */

/** Bytes before a packet's route: two lengths. */
export const head = 8;

/** From this size on a packet gets a buffer of its own, and its frames are not copied when sent. */
export const largePacket = 65_536;

/** Up to the next multiple of 8; right above 2^31, too. */
export const pad = (length: number): number => length + (-length & 7);
