/** Schemas for launchers' options. */
export { z } from '../config/schema.js';
