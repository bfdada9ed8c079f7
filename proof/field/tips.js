// Lines that our programs tell people to type, read off what they print.

/** Programs whose lines can be typed here; those of other systems (`sinfo`, `scancel`) need the system. */
const ours = /^(ipcluster|ipcontroller|ipengine|ipgateway) /;

/** What stands between backticks and begins with a program of ours, but for what was said to be wrong. */
export function linesIn(text) {
  const sentences = text.split('\n').map((line) => line.replace(/`[^`]*` (takes|has|needs)\b/g, ''));
  return sentences
    .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, inside]) => inside))
    .filter((inside) => ours.test(inside));
}

/** True for a line in which a word stands for something that has a name: ID, NAME, COMMAND, N. */
export const unfilled = (line) => /(^|[\s=])(ID|IDS|NAME|COMMAND|PATH|FILE|FOLDER|N)(\s|$)/.test(line);
