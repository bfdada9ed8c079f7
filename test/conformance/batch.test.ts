import { tryLaunchers } from './promises.js';
import { groups } from './stages.js';

tryLaunchers(groups.batch);
