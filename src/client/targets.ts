/** Which engines: all of them at the time of the call, some, or one. */
export type Targets = 'all' | number | readonly number[];
