import { Lease } from '../base/lease.js';

/**
 * Tells when nobody has needed the controller for `timeout` ms, counting only time awake. Answers how to stop
 * looking.
 */
export function watchIdleness(
  timeout: number,
  isNeeded: () => boolean,
  onIdle: (reason: string) => void,
): () => void {
  const lease = new Lease(timeout, () => onIdle(`nobody has needed it for ${timeout / 1000} s`));
  const timer = setInterval(
    () => {
      if (isNeeded()) lease.renew();
    },
    Math.min(1000, timeout / 4),
  );
  return () => {
    clearInterval(timer);
    lease.end();
  };
}
