// Where a row of the table of surroundings is played: a home of its own, and how a line of a shell is run
// there.
import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { Bed } from '../bed.js';
import { bed, filesNow, Scene as Hosts, state } from '../ssh/scene.js';

/** Runs a program to its end, at most so long; answers all that it printed. */
function said(argv, options, bound = 90_000) {
  const [program, ...words] = argv;
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), bound);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('latin1').on('data', (chunk) => (text += chunk));
  return new Promise((done) =>
    child.once('exit', () => setTimeout(() => done(text), 50)).once('exit', () => clearTimeout(timer)),
  );
}

/** Start, the task and stop as one line for a shell. */
function scriptOf({ before = '', within = '', task = 'echo "umask $(umask)"' }, words, root) {
  const program = `'${process.execPath}' '${root}/bin/ipcluster'`;
  const inner =
    `${program} start -n 1 -d ${words} >/dev/null && ${program} map -- sh -c '${task}' ::: 1; code=$?; ` +
    `${program} stop >/dev/null 2>&1; echo "code $code"`;
  return `${before}\n${within === '' ? inner : `export INNER=${quoted(inner)}\n${within}`}`;
}
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** On this machine, in a folder that any user may work in. */
class Here {
  constructor() {
    this.bed = new Bed('surroundings');
    chmodSync(this.bed.folder, 0o711);
  }

  run(row, words) {
    const { folder, env } = this.bed;
    return said(['bash', '-c', scriptOf(row, words, process.cwd())], {
      cwd: folder,
      env: { ...env, HERE: folder },
    });
  }

  end() {
    return this.bed.end();
  }
}

/** On the first of the hosts, as its user. */
class OnHosts {
  constructor() {
    this.before = filesNow();
    this.scene = new Hosts();
  }

  run(row, words) {
    const { scene } = this;
    const host = [
      `${process.cwd()}/test/beds/ssh/host`,
      'exec',
      'host0',
      '-u',
      'hpc',
      'bash',
      '-c',
      scriptOf(row, words, scene.root),
    ];
    return said(host, { cwd: scene.folder, env: { ...scene.env, HERE: scene.folder } });
  }

  end() {
    return this.scene.end(this.before);
  }
}

const hosts = (transport) => ({
  name: transport,
  words: `--launcher ssh -o hosts=host1 -o transport=${transport} -o config=${state}/ssh_config`,
  open: () => new OnHosts(),
  up: () => bed('up'),
  down: () => bed('down'),
});

export const launchers = {
  local: { name: 'local', words: '', open: () => new Here() },
  slurm: { name: 'slurm', words: '--launcher slurm', open: () => new Here() },
  ssh2: hosts('ssh2'),
  openssh: hosts('openssh'),
};
