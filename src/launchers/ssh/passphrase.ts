/** True where somebody can be asked: never in a script or a job. */
export const isTerminal = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true;

const asked = new Map<string, Promise<string>>();

/** Asks for the passphrase of a key, once for each key, with nothing shown; one question after another. */
export function askPassphrase(keyFile: string): Promise<string> {
  const known = asked.get(keyFile);
  if (known) return known;
  const before = [...asked.values()].at(-1) ?? Promise.resolve('');
  const answer = before.catch(() => '').then(() => askUnseen(`Passphrase for ${keyFile}: `));
  asked.set(keyFile, answer);
  return answer;
}

const [enter, newLine, interrupt, end, backspace, erase] = ['\r', '\n', '\u0003', '\u0004', '\b', '\u007f'];

function askUnseen(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').resume();
  return new Promise((resolve) => {
    let typed = '';
    const finish = (answer: string): void => {
      stdin.off('data', read);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      resolve(answer);
    };
    const read = (text: string): void => {
      for (const letter of text) {
        if (letter === enter || letter === newLine || letter === end) return finish(typed);
        if (letter === interrupt) {
          finish('');
          return void process.kill(process.pid, 'SIGINT');
        }
        typed = letter === backspace || letter === erase ? typed.slice(0, -1) : typed + letter;
      }
    };
    stdin.on('data', read);
  });
}
