/*
 * How long a scheduler may take, in milliseconds. Each is made of the one before, so that no wait is shorter
 * than what it waits for.
 */

/** One question, or one order. */
export const questionTime = 10_000;
/** All questions of one look: after one that took its whole time no other is asked. */
export const roundTime = 2 * questionTime;
/** Silence after which a scheduler that was to end a job is no longer waited for. */
export const silentTime = questionTime + 2000;
/**
 * An order to a scheduler that has just been silent: with the question before, and what a stop waits for
 * itself, within 30 s.
 */
export const lastOrderTime = 5000;
/** One submit, and all tries and looks for one job: with a question before and after within 60 s. */
export const submitTime = 25_000;
export const submitRoundTime = 40_000;
