import { programFile } from '../base/package.js';
import { runInRealm } from './realm.js';

// The engine's program: the kernel (engine.ts) runs in a realm of its own, beside the one of user code.
runInRealm(programFile('kernel'));
