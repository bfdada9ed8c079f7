import { Args } from '@oclif/core';

/** Engine ids as a plain word, for `ipcluster engines interrupt 0`. */
export const idsArgument = Args.string({ description: 'engine ids, such as 0,2-5, or all' });
