/** How many engines suit this machine, for those who may not look at its processes themselves. */
export { usableCores } from '../processes/cores.js';
