/**
 * Expands names of hosts as schedulers write them: `rack[1-2]n[01-03],login` stands for seven. Zeros in front
 * are kept. Answers undefined for a text that cannot be read.
 */
export function expandHosts(text: string): string[] | undefined {
  // Commas in brackets part numbers, all others part names.
  const names = text.split(/,(?![^[]*\])/).flatMap((part) => expandName(part.trim()) ?? ['']);
  return names.length > 0 && names.every((name) => name !== '') ? names : undefined;
}

function expandName(name: string): string[] | undefined {
  const [, before = '', list, after = ''] = /^([^[\]]*)\[([^[\]]+)\](.*)$/.exec(name) ?? [];
  if (list === undefined) return /[[\]\s]/.test(name) ? undefined : [name];
  const numbers = expandNumbers(list);
  const rest = expandName(after);
  if (after !== '' && rest === undefined) return undefined;
  return numbers?.flatMap((number) => (rest ?? ['']).map((end) => `${before}${number}${end}`));
}

/** So many names at most come of one range: a slip of the finger must not fill the memory. */
const mostNames = 10_000;

function expandNumbers(list: string): string[] | undefined {
  const numbers = list.split(',').flatMap((part): (string | undefined)[] => {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    const size = Number(last) - Number(first) + 1;
    if (first === undefined || !(size >= 1 && size <= mostNames)) return [undefined];
    return Array.from({ length: size }, (_unused, index) =>
      String(Number(first) + index).padStart(first.length, '0'),
    );
  });
  return numbers.includes(undefined) ? undefined : (numbers as string[]);
}
