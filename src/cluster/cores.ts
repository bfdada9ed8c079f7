import { usableCores as cores } from '../processes/cores.js';

/** Engines that suit this machine: see `processes/cores.ts`. */
export const usableCores = (): number => cores();
