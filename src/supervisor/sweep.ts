import { guardProcess } from '../base/signals.js';
import { sweepMarked } from '../processes/end.js';
import { markVariable } from '../processes/table.js';
import { clearSockets } from '../profile/sockets.js';

/*
 * What a job's script runs after its program was killed: ends whatever that program had started and could not
 * end any more. The mark is the job's own, from the environment; the script itself carries it bare and is
 * spared. The killed one's socket goes as well.
 */

guardProcess();
const mark = process.env[markVariable];
if (mark) await sweepMarked((found) => found.startsWith(`${mark}/`));
await clearSockets();
