import type { Verdict } from '../../launcher-kit/evidence.js';
import { explainWords, type Phrase } from '../../launcher-kit/words.js';
import { explainLimit } from './limits.js';

/** Why a submit is refused: sbatch's words (recorded from Slurm 22.05). The first that matches. */
const refusals: readonly Phrase[] = [
  {
    words: /invalid partition/i,
    code: 'bad-partition',
    sentence: 'There is no partition of that name.',
    suggestions: ['See `sinfo -s`.', 'Name one: `--partition`.'],
  },
  {
    words: /group not permitted|not permitted to use this partition/i,
    code: 'not-allowed',
    sentence: 'You may not use that partition.',
    suggestions: ['See `sinfo -s`.'],
  },
  {
    words: /invalid account|account\/partition combination|account or/i,
    code: 'bad-account',
    sentence: 'That account is not yours, or not for that partition.',
    suggestions: ['See `sacctmgr show associations user=$USER`.', 'Name one: `--account`.'],
  },
  {
    words: /invalid qos/i,
    code: 'bad-qos',
    sentence: 'There is no such QOS for you.',
    suggestions: ['See `sacctmgr show qos`.'],
  },
  // Its tail, "(job submit limit, user's size and/or time limits)", is the same for all of them, so it names
  // none.
  {
    words: /violates accounting|submit job limit|SubmitJobLimit/i,
    code: 'limit',
    sentence: 'It is beyond a limit of your account or QOS: of jobs, of their size, or of their time.',
    suggestions: [
      'See `sacctmgr show qos` and `sacctmgr show associations user=$USER`.',
      'Wait for others to end, or ask for less.',
    ],
  },
  {
    words: /time limit/i,
    code: 'too-long',
    sentence: 'More time is asked for than that partition allows.',
    suggestions: ['Ask for less: `--time`.', 'See `sinfo -o "%P %l"`.'],
  },
  {
    words: /invalid job array/i,
    code: 'never-fits',
    sentence: 'This Slurm takes no array of so many elements.',
    suggestions: [
      'Fewer: `--ntasks-per-node`, or one job: `--shape gang`.',
      'See `scontrol show config | grep MaxArraySize`.',
    ],
  },
  {
    words:
      /more processors requested|CPU count per node|node count specification|memory specification can not|configuration is not available|invalid feature|generic resource/i,
    code: 'never-fits',
    sentence: 'No node of that partition could ever give what is asked for.',
    suggestions: [
      'See `sinfo -o "%P %D %c %m %G %f"`.',
      'Ask for less: `-n`, `--cpus-per-task`, `--mem`, `--gpus`, `--constraint`.',
    ],
  },
  {
    words: /unrecognized option|invalid .* specification|invalid numeric/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this Slurm knows.',
  },
];

/**
 * What sbatch means by its refusal: a limit that it names says more than the sentence that it always says
 * after it.
 */
export const explainRefusal = (said: string): Verdict | undefined =>
  explainLimit(said, true) ?? explainWords(refusals, said);
