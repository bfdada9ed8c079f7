import { isUtf8 } from 'node:buffer';

/** Quotes one word for a POSIX shell; plain words stay as they are. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Splits a line into words as a shell would, with quotes and backslashes, and nothing else of a shell. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g))
    words.push(
      word.replaceAll(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
        (_all, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  return words;
}

/** Quotes words into one line that a POSIX shell reads back as the same words. */
export function quoteCommand(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/*
 * Names of files are bytes. Text that is no UTF-8 is kept as one lone surrogate (U+DC80 to U+DCFF) for each
 * byte above 127, which JSON carries and no real text has.
 */

/** The text of bytes, from which {@link toBytes} makes the same bytes again. */
export function fromBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  return bytes
    .toString('latin1')
    .replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xdc00 + byte.charCodeAt(0)));
}

/** The bytes of a text, UTF-8 but for those that {@link fromBytes} kept. */
export function toBytes(text: string): Buffer {
  const parts = text.split(/(?<![\ud800-\udbff])([\udc80-\udcff]+)/);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([...part].map((byte) => byte.charCodeAt(0) - 0xdc00)),
    ),
  );
}

/** Variables that a shell gives a meaning or a form of its own, or does not let itself be given. */
const ownNames =
  /^(OPTIND|LINENO|PPID|IFS|PWD|OLDPWD|UID|EUID|GROUPS|SHELLOPTS|RANDOM|SRANDOM|SECONDS|EPOCH\w*|BASH\w*|DIRSTACK|FUNCNAME|HISTCMD|PS4)$/;

/**
 * True for the name of a variable that can stand in an assignment of a POSIX shell, and means there what it
 * means elsewhere.
 */
export const isShellName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && !ownNames.test(name);

/** True for what can be a variable of an environment at all, by execve(2). */
export const isVariableName = (name: string): boolean => name !== '' && !/[=\0]/.test(name);
