import { Args } from '@oclif/core';

/** A profile's name as a plain word. */
export const nameArgument = Args.string({ description: 'name of the profile (default)' });

/** The profile that is meant: the word, or the flag, or `default`. */
export const profileName = (word: string | undefined, flag: string | undefined): string =>
  word ?? flag ?? 'default';
