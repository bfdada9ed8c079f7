import { Args, Command } from '@oclif/core';
import { IpclusterError } from '../base/errors.js';

export default class Completion extends Command {
  static override summary = 'print a completion script for a shell';
  static override examples = ['source <(ipcluster completion bash)', 'ipcluster completion fish | source'];
  static override args = { shell: Args.string({ required: true, description: 'bash, zsh or fish' }) };

  async run(): Promise<void> {
    const { args } = await this.parse(Completion);
    const make = scripts[args.shell];
    if (!make)
      throw new IpclusterError(
        'USAGE',
        `There is no completion for "${args.shell}": bash, zsh and fish are known.`,
      );
    process.stdout.write(make(completables(this.config.commands)));
  }
}

interface Completable {
  words: string;
  summary: string;
  flags: string[];
}

/** Every command with its words and flags, read off the commands themselves. */
function completables(commands: readonly Command.Loadable[]): Completable[] {
  return commands.map(({ id, summary, flags }) => ({
    words: id.replace(':', ' '),
    summary: summary ?? '',
    flags: Object.keys(flags).map((name) => `--${name}`),
  }));
}

const bash = (all: readonly Completable[]): string => {
  const cases = all.map(
    ({ words, flags }) => `    "${words}") COMPREPLY=($(compgen -W "${flags.join(' ')}" -- "$current"));;`,
  );
  const first = [...new Set(all.map(({ words }) => words.split(' ')[0]))].join(' ');
  const second = all.flatMap(({ words }) => words.split(' ')[1] ?? []).join(' ');
  return `_ipcluster() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${first}" -- "$current")); return; fi
  if [ "$words" = engines ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "${second}" -- "$current")); return; fi
    words="engines \${COMP_WORDS[2]}"
  fi
  case "$words" in
${cases.join('\n')}
  esac
}
complete -o default -F _ipcluster ipcluster
`;
};

const zsh = (all: readonly Completable[]): string =>
  `autoload -U +X bashcompinit && bashcompinit\n${bash(all)}`;

const fish = (all: readonly Completable[]): string => {
  const quote = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
  const lines = all.flatMap(({ words, summary, flags }) => {
    const [first = '', second] = words.split(' ');
    const offer =
      second === undefined
        ? `-n __fish_use_subcommand -a ${first}`
        : `-n '__fish_seen_subcommand_from ${first}' -a ${second}`;
    const own = flags.map(
      (flag) =>
        `complete -c ipcluster -n '__fish_seen_subcommand_from ${second ?? first}' -l ${flag.slice(2)}`,
    );
    return [`complete -c ipcluster ${offer} -d ${quote(summary)}`, ...own];
  });
  return `${lines.join('\n')}\n`;
};

const scripts: Record<string, ((all: readonly Completable[]) => string) | undefined> = { bash, zsh, fish };
