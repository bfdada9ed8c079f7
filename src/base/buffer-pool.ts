/**
 * Small buffers are cut from a common piece of memory of this size (bytes). A controller has pieces of it
 * mapped by themselves, so that each goes back to the system as soon as nothing of it is used; smaller ones
 * lie among others in the heap, and hold it (decision 0022).
 */
export const poolSize = 32_768;

/** Has Node's own buffers cut from such pieces too, in this thread and from now on. */
export function poolBuffers(): void {
  Buffer.poolSize = poolSize;
}
