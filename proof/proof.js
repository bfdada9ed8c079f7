// All long tables, one after another; each is written beside this file with the day and the commit.
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provenance } from './bed.js';

const run = (file, args = []) => {
  process.stderr.write(`${file}\n`);
  return spawnSync(process.execPath, [join(import.meta.dirname, file), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
};
const write = (name, title, text) =>
  writeFileSync(
    join(import.meta.dirname, `${name}.md`),
    `# ${title}\n\n${provenance()}, on ${machine()}.\n\n${text}`,
  );
const machine = () =>
  execFileSync(
    'sh',
    ['-c', 'echo "$(nproc) cores, $(free -g | awk \'/Mem/{print $2}\') GiB, Linux $(uname -r)"'],
    { encoding: 'utf8' },
  ).trim();

const faults = run('faults.js');
write(
  'faults',
  'Faults',
  `What is done to a cluster with a lease of 3 s, what must come of it (written into \`proof/faults/\` before the run), and what did. \`left\`: processes of
ours after the bound. \`harmed\`: processes of a healthy cluster beside it, or of the same user, that were not as before.\n\n${faults.stdout}`,
);

const fuzz = run('fuzz.js');
const fuzzGateway = run('fuzz-gateway.js');
const head =
  '| target | seconds | messages | good answers meanwhile | slowest | memory in the first 10 s | most ' +
  'afterwards | growth | engines restarted |\n|---|---|---|---|---|---|---|---|---|';
const rows = `${fuzz.stdout}${fuzzGateway.stdout}`
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .map(
    (row) =>
      `| ${row.target} | ${row.seconds} | ${row.messages} | ${row.answers} | ${row.slowest} ms | ` +
      `${Math.round(row.memoryEarly / 1e6)} MB | ${Math.round(row.memoryMost / 1e6)} MB | ` +
      `${(row.growth * 100).toFixed(1)} % | ${row.engineRestarts} |`,
  );
write(
  'fuzz',
  'Fuzz',
  `Messages that are too large, cut, no JSON, of unknown types, out of order, slow or half-open, with right and wrong tokens, while a good client works; and for the sockets of
gateways what is random, cut, sent again, wrongly signed or rightly signed nonsense, while a client of Python works.\n\n${head}\n${rows.join('\n')}\n`,
);

const fuzzRoles = run('fuzz-roles.js');
const roleRows = fuzzRoles.stdout
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .map(
    (row) =>
      `| ${row.role} | ${row.seconds} | ${row.messages} | ${row.connections} | ${row.answers} | ` +
      `${row.wrong} | ${row.queries} | ${row.events} | ${row.slowest} ms | ` +
      `${Math.round(row.memoryEarly / 1e6)} MB | ${Math.round(row.memoryMost / 1e6)} MB | ${row.lost} | ` +
      `${row.store} | ${row.enginesAsBefore ? 'as before' : 'changed'} |`,
  );
const roleHead =
  '| role | seconds | messages | connections | good answers | wrong | queries | events | slowest | memory ' +
  `early | most after | results lost | store | engines |\n|${'---|'.repeat(14)}`;
write(
  'fuzz-roles',
  'Fuzz with a token',
  `What peers send that have a token, over routes, frames, headers and contents (fast-check), beside ten good clients, one that asks and one that
watches.\n\n${roleHead}\n${roleRows.join('\n')}\n`,
);

const strangers = run('strangers.js');
write(
  'strangers',
  'Strangers on the machine',
  `A second user of the machine puts himself into every path of ours that he can reach, before we come and while we work. \`the name of the last
start\`: what a start before this one had made there, which names of this one cannot be known by.\n\n${strangers.stdout}`,
);

const core = run('core.js');
write(
  'core',
  'The core',
  `Small programs that once found a fault, what must come of each (written into \`proof/core/\` before ` +
    `the run), and what did.\n\n${core.stdout}`,
);

const sentValues = run('values.js');
write(
  'values',
  'Values',
  `Values of every kind that can be cloned (fast-check), by every route; the sender writes over what it sent right after the call, and engines over what
they answered. \`different\`: what arrived was not as \`structuredClone\` had kept it at the call, or a view had no buffer of its own.\n\n${sentValues.stdout}`,
);

const batch = run('batch.js');
write(
  'batch',
  'Batch systems',
  `What is induced on real schedulers, the verdict that \`why\` must give (written into \`proof/batch/\` before the run), and what it gave. \`left\`: processes and jobs
of ours after \`stop\`. \`harmed\`: a job or a cluster of the same user that was not as before.\n\n${batch.stdout}`,
);

const fieldBatch = run('field-batch.js');
write(
  'field-batch',
  'Batch systems as people have them',
  `What users met on their batch systems, done again on real ones (of PBS on a stand-in): what must come of each (written into \`proof/field-batch/\` before the
run), and what was said. \`left\`: processes and jobs of ours after \`stop\`.\n\n${fieldBatch.stdout}`,
);

const field = run('field.js');
write(
  'field',
  'Machines, shells and programs',
  'What users met outside of batch systems, done again: what must come of each (written into ' +
    `\`proof/field/\` before the run), and what did.\n\n${field.stdout}`,
);

const ssh = run('ssh.js');
write(
  'ssh',
  'SSH hosts',
  `What is induced on sixteen hosts in network namespaces, the verdict that \`why\` must give (written into \`proof/ssh/\` before the run), and what it gave. \`left\`:
processes and files of ours on any host after \`stop\`. \`harmed\`: a cluster of the same user on two of the hosts that was not as before.\n\n${ssh.stdout}`,
);

const matrix = run('ssh-matrix.js');
write(
  'ssh-matrix',
  'Hosts of which every one is different',
  `Sixteen hosts, each of its own kind (\`test/beds/ssh/up varied\`), in one start with the library, with the system's ssh and with what each wants;
then ways to one host that fail at a gate. What must come of each was written into \`proof/ssh-matrix/\` before the run; \`ssh HOST true\` with the same configuration was run first.\n\n${matrix.stdout}`,
);

const interop = run('interop.js');
write(
  'interop',
  "IPython's own tests",
  `Each file of ipyparallel's tests by itself, with its own controller and with ours, started by our ` +
    `own command. ${interop.stdout}`,
);

const accepted = run('accepted.js');
write('accepted', 'Accepted means kept', accepted.stdout);
const outage = run('outage.js');
write('outage', 'Outages', outage.stdout);

const chaos = run('chaos.js');
write(
  'chaos',
  'Faults at random',
  `For each seed a cluster in a world of its own, mixed work of several clients for 60 s, and faults at random times. \`lost\`: accepted tasks of which nobody can
find out what they gave. \`twice\`: second runs without a cause. \`untrue\`: errors without a fault that explains them (\`proof/chaos/errors.js\`). \`fell\`: programs that ended by
themselves. \`memory\`: the controller's at rest beside that of a fresh one on the same store.\n\n${chaos.stdout}`,
);

const watchers = run('watchers.js');
write('watchers', 'Watchers that never read', watchers.stdout);

const load = run('load.js');
write('load', 'Load', load.stdout);
process.exit(
  [
    faults,
    fuzz,
    fuzzGateway,
    fuzzRoles,
    strangers,
    core,
    sentValues,
    batch,
    fieldBatch,
    field,
    ssh,
    interop,
    accepted,
    outage,
    chaos,
    watchers,
    load,
  ].some(({ status }) => status !== 0)
    ? 1
    : 0,
);
