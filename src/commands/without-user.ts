import os from 'node:os';

/*
 * Libraries of the command line ask for the user's home as they are loaded. Where no list of users has him,
 * as in some containers, that throws, before anything of ours could say what to do: they hear of no home.
 * What we ask ourselves is in `base/owner`.
 */
const { homedir } = os;
os.homedir = () => {
  try {
    return homedir();
  } catch {
    return '';
  }
};
