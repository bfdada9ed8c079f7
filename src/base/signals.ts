/**
 * First thing in every program of ours. SIGUSR1 would open Node's inspector to every user of the machine, and schedulers send
 * it; NODE_OPTIONS is somebody else's wish that our children must not inherit.
 */
export function guardProcess(): void {
  process.on('SIGUSR1', () => {});
  delete process.env['NODE_OPTIONS'];
}
