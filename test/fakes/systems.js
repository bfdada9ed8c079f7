// What the commands of each system take and say, after recorded outputs and the systems' own documentation.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Directives of a script and words of a command line, as [flag, value] in their order. */
function options(prefix, script, words, withValue) {
  const lines = script.split('\n').filter((line) => line.startsWith(`${prefix} `));
  const tokens = [
    ...lines.flatMap((line) => line.slice(prefix.length).match(/"[^"]*"|\S+/g) ?? []),
    ...words,
  ];
  const found = [];
  let file;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index].replaceAll('"', '');
    if (!token.startsWith('-')) file = token;
    else if (withValue.includes(token)) found.push([token, tokens[++index].replaceAll('"', '')]);
    else found.push([token, '']);
  }
  return { found, file, last: (flag) => found.findLast(([name]) => name === flag)?.[1] };
}

const seconds = (clock) => clock?.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
const range = (text) => {
  const match = /(\d+)-(\d+)/.exec(text ?? '');
  return match ? { first: Number(match[1]), last: Number(match[2]) } : undefined;
};

const server = 'fakehead';
const pbsId = ({ number, element }) =>
  element === null ? `${number}.${server}` : `${number}[${element}].${server}`;
const letters = { queued: 'Q', running: 'R', held: 'H', suspended: 'S' };
/** As PBS writes times: `Sat Nov 21 00:09:31 2026`, of the server's own zone. */
const clock = (time) => {
  const [day, month, date, year, at] = new Date(time).toString().split(' ');
  return `${day} ${month} ${date} ${at} ${year}`;
};
const hoursOf = (all) =>
  [all / 3600, (all / 60) % 60, all % 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');

function pbsBlock(job, history) {
  const ended = job.state === 'ended';
  const hosts = [...new Set(job.hosts ?? [])];
  const lines = [
    `Job Id: ${pbsId(job)}`,
    `    Job_Name = ${job.name}`,
    `    Job_Owner = ${job.owner}@${server}`,
    `    job_state = ${ended ? history : letters[job.state]}`,
  ];
  lines.push(`    queue = ${job.queue ?? 'workq'}`, `    project = ${job.project ?? '_pbs_project_default'}`);
  if (job.account) lines.push(`    Account_Name = ${job.account}`);
  if (hosts.length > 0)
    lines.push(
      `    exec_host = ${hosts.map((host) => `${host}/0*4`).join('+')}`,
      `    run_count = ${job.runs ?? 1}`,
    );
  if (job.seconds) lines.push(`    Resource_List.walltime = ${hoursOf(job.seconds)}`);
  if (job.started) lines.push(`    stime = ${clock(job.started)}`);
  if (ended) lines.push(`    substate = ${job.told === 'delete' ? 91 : job.exit === 0 ? 92 : 93}`);
  if (job.state === 'held')
    lines.push('    Hold_Types = s', '    run_count = 21', `    comment = ${job.comment}`);
  if (ended && job.exit !== null) lines.push(`    Exit_status = ${job.exit}`);
  // Long values go on after a tab, as the real one folds them.
  if (job.state === 'queued')
    lines.push(`    comment = ${job.comment ?? 'Not Running: Insufficient amount of reso\n\turce: ncpus'}`);
  return `${lines.join('\n')}\n\n`;
}

/** What an option comes to that OpenPBS has not (recorded): what is wrong, then all that there is. */
const noSuchOption = `qsub: invalid option -- 't'
usage: qsub [-a date_time] [-A account_string] [-c interval]
\t[-C directive_prefix] [-e path] [-f ] [-h ] [-I [-X]] [-j oe|eo] [-J X-Y[:Z]]
\t[-k keep] [-l resource_list] [-m mail_options] [-M user_list]
\t[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]
\t[-R o|e|oe] [-S path] [-u user_list] [-W otherattributes=value...]
\t[-v variable_list] [-V ] [-z] [script | -- command [arg1 ...]]
       qsub --version
`;

/** OpenPBS 23.06 and Torque differ in flags, ids and what they remember. */
function pbs(flavor) {
  const isTorque = flavor === 'torque';
  const withValue = [
    '-N',
    '-S',
    '-j',
    '-o',
    '-e',
    '-k',
    '-r',
    '-l',
    '-q',
    '-A',
    '-P',
    '-J',
    '-t',
    '-W',
    '-v',
  ];
  const parentId = (job) => (job.element === null ? pbsId(job) : `${job.number}[].${server}`);
  const matches = (id, job) =>
    [pbsId(job), parentId(job), String(job.number)].includes(id) || parentId(job).startsWith(`${id}.`);
  return {
    // The script is the child of a shell that has no trap of any kind: a signal to the session ends that one,
    // and with it the job (recorded).
    outerShell: ['-c', '/bin/bash "$0"; exit "$?"'],
    idOf: (job) => pbsId(job),
    down: (command) => `Connection refused\n${command}: cannot connect to server ${server} (errno=15010)\n`,
    environment: ({ id, element, name, hostFile, env, ncpus }) => ({
      PBS_JOBID: id,
      PBS_JOBNAME: name,
      PBS_ENVIRONMENT: 'PBS_BATCH',
      PBS_NODEFILE: hostFile,
      PBS_O_WORKDIR: '/',
      // Both are what a chunk has (recorded), whatever the user's shell said of them.
      NCPUS: String(ncpus ?? 1),
      OMP_NUM_THREADS: String(ncpus ?? 1),
      PATH: env.PATH,
      ...(element !== null && { [isTorque ? 'PBS_ARRAYID' : 'PBS_ARRAY_INDEX']: String(element) }),
    }),
    async answer(command, words, { all, submit, end, alter, suspend, wish }) {
      if (command === 'qsub') {
        if (words.includes('--version'))
          return isTorque ? { err: 'Version: 6.1.3\nCommit: 0\n' } : { out: 'pbs_version = 23.06.06\n' };
        const file = words.findLast((word) => !word.startsWith('-'));
        const script = readFileSync(file, 'utf8');
        const { last, found } = options('#PBS', script, words, withValue);
        const resources = Object.fromEntries(
          found
            .filter(([flag]) => flag === '-l')
            .flatMap(([, text]) => text.split(','))
            .map((text) => text.split(/=(.*)/s)),
        );
        if (last('-q') === 'nosuch') return { err: 'qsub: Unknown queue\n', code: 170 };
        if (last(isTorque ? '-J' : '-t'))
          return { err: isTorque ? 'qsub: illegal -J value\n' : noSuchOption, code: 2 };
        const [times, rest = ''] = (resources.select ?? resources.nodes ?? '1').split(/:(.*)/s);
        const size = Number(/mpiprocs=(\d+)|ppn=(\d+)/.exec(rest)?.slice(1).find(Boolean) ?? 1);
        const chunks = Array.from({ length: Number(times) }, () => size);
        const array = range(last(isTorque ? '-t' : '-J'));
        const number = submit({
          script,
          name: last('-N') ?? 'STDIN',
          chunks,
          array,
          seconds: seconds(resources.walltime),
          extra: {
            queue: last('-q'),
            rerunable: last('-r'),
            account: last('-A'),
            project: last('-P'),
            ncpus: Number(/ncpus=(\d+)/.exec(rest)?.[1] ?? 1),
            scatter: resources.place === 'scatter' || isTorque,
          },
        });
        return { out: `${number}${array ? '[]' : ''}.${server}\n` };
      }
      if (command === 'qselect') {
        const live = all().filter(({ state }) => state !== 'ended');
        return { out: [...new Set(live.map(parentId))].map((id) => `${id}\n`).join('') };
      }
      const ids = words.filter((word, index) => /^\d/.test(word) && words[index - 1] !== '-s');
      const history = isTorque ? 'C' : 'F';
      if (command === 'qstat') {
        // Off, as it is by default (recorded); Torque keeps what has ended for some minutes.
        const keepsHistory = isTorque || wish.history === true;
        if (!keepsHistory && words.includes('-x'))
          return { err: 'qstat: PBS is not configured to maintain job history\n' };
        let [out, err, code] = ['', '', 0];
        for (const id of ids.length > 0 ? ids : all().map(pbsId)) {
          const jobs = all().filter((job) => matches(id, job));
          if (jobs.length === 0) [err, code] = [`${err}qstat: Unknown Job Id ${id}\n`, 153];
          for (const job of jobs) {
            if (job.state === 'ended' && !keepsHistory)
              [err, code] = [`${err}qstat: Unknown Job Id ${id}\n`, 153];
            else if (job.state !== 'ended' || isTorque || words.includes('-x'))
              out += pbsBlock(
                job,
                job.element !== null && jobs.some(({ state }) => state !== 'ended') ? 'X' : history,
              );
            else
              [err, code] = [
                `${err}qstat: ${id} Job has finished, use -x or -H to obtain historical job information\n`,
                35,
              ];
          }
        }
        return { out, err, code };
      }
      if (command === 'qdel') {
        const jobs = all().filter((job) => ids.some((id) => matches(id, job)));
        if (jobs.length === 0) return { err: `qdel: Unknown Job Id ${ids[0]}\n`, code: 153 };
        await Promise.all(jobs.map(({ number, element }) => end(number, element, 'delete')));
        return {};
      }
      if (command === 'qsig') {
        const signal = words[words.indexOf('-s') + 1];
        for (const job of all().filter(
          (one) => /^(running|suspended)$/.test(one.state) && ids.some((id) => matches(id, one)),
        ))
          await signalJob(job, signal, suspend);
        return {};
      }
      if (command === 'qrerun') {
        const jobs = all().filter((one) => one.state === 'running' && ids.some((id) => matches(id, one)));
        if (jobs.length === 0)
          return { err: `qrerun: Request invalid for state of job ${ids[0]}\n`, code: 150 };
        // Arrays are always rerunnable (qsub(1B), -r).
        if (jobs.some((job) => job.element === null && job.rerunable === 'n'))
          return { err: `qrerun: Job is not rerunable ${ids[0]}\n`, code: 137 };
        await Promise.all(jobs.map(({ number, element }) => end(number, element, 'rerun')));
        return {};
      }
      if (command === 'qalter') {
        const limit = seconds(/walltime=(\S+)/.exec(words.join(' '))?.[1]);
        for (const job of all().filter((one) => ids.some((id) => matches(id, one))))
          alter(job, { seconds: limit });
        return {};
      }
      if (command === 'pbsnodes') return { out: nodesOf(words, wish) };
      if (command === 'pbsdsh') return dispatch(words);
      return { err: `${command}: not here\n`, code: 2 };
    },
  };
}

/**
 * qsig(1B): a name of a signal, or `suspend` and `resume`; to the whole session of the job, its outer shell
 * included (recorded).
 */
async function signalJob(job, word, suspend) {
  if (word === 'suspend' || word === 'resume') return suspend(job.number, job.element, word === 'suspend');
  process.kill(-job.pid, `SIG${word.replace(/^SIG/, '')}`);
}

/** pbsnodes(8B), as recorded: blocks of a name and its fields. */
function nodesOf(words, { downNodes = [] }) {
  const names = words.filter((word) => !word.startsWith('-'));
  const block = (name) => {
    const isDown = downNodes.includes(name);
    const comment = isDown ? '\n     comment = node down: communication closed' : '';
    return (
      `${name}\n     Mom = ${name}\n     ntype = PBS\n     state = ${isDown ? 'down' : 'free'}\n     ` +
      `pcpus = 2${comment}\n`
    );
  };
  return names.map(block).join('\n');
}

/**
 * pbsdsh [-n LINE] [--] command, on all lines of the node file where none is named: nothing of the script's
 * environment comes along, and it ends with 0 whatever its task did, whose code stands in its words
 * (recorded).
 */
async function dispatch(words) {
  const lines = readFileSync(process.env.PBS_NODEFILE, 'utf8').trim().split('\n');
  const index = words.indexOf('-n');
  const chosen = index < 0 ? lines.map((_host, line) => String(line)) : [words[index + 1]];
  const program =
    words.indexOf('--') < 0
      ? words.findIndex((word, at) => !word.startsWith('-') && words[at - 1] !== '-n')
      : words.indexOf('--') + 1;
  const codes = await Promise.all(chosen.map((line) => follow(words.slice(program), taskEnvironment(line))));
  const failed = codes.flatMap((code, task) =>
    code === 0 ? [] : [`pbsdsh: task 0x${String(task + 2).padStart(8, '0')} exit status ${code}\n`],
  );
  return { err: failed.join('') };
}

const taskEnvironment = (line) => ({
  PATH: '/bin:/usr/bin',
  HOME: process.env.HOME,
  PBS_JOBID: process.env.PBS_JOBID,
  PBS_TASKNUM: String(Number(line) + 2).padStart(8, '0'),
  PBS_NODENUM: line,
});

/** Runs a command to its end and passes signals on. */
function follow([program, ...args], env) {
  const child = spawn(program, args, { env, stdio: 'ignore' });
  for (const name of ['SIGTERM', 'SIGUSR2']) process.on(name, () => child.kill(name));
  return new Promise((done) => child.once('close', (code) => done(code ?? 143)));
}

const lsf = {
  idOf: ({ number }) => String(number),
  down: () => 'LSF is down. Please wait ...\n',
  environment: ({ id, element, name, hosts }) => {
    const counts = new Map();
    for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
    return {
      LSB_JOBID: id,
      LSB_JOBINDEX: String(element ?? 0),
      LSB_JOBNAME: name,
      LSB_MCPU_HOSTS: [...counts].flat().join(' '),
    };
  },
  async answer(command, words, { all, submit, end, alter, input }) {
    if (command === 'bsub') {
      if (words.includes('-V')) return { err: 'IBM Spectrum LSF 10.1.0.0 build 0, Jan 01 2020\n' };
      const script = input();
      const { last } = options('#BSUB', script, words, [
        '-J',
        '-o',
        '-e',
        '-n',
        '-R',
        '-W',
        '-q',
        '-P',
        '-G',
        '-M',
        '-gpu',
      ]);
      if (last('-q') === 'nosuch') return { err: 'nosuch: No such queue. Job not submitted.\n', code: 255 };
      const name = last('-J') ?? 'job';
      const [hours, minutes] = (last('-W') ?? '0:0').split(':').map(Number);
      const number = submit({
        script,
        name: name.replace(/\[.*/, ''),
        chunks: Array.from({ length: Number(last('-n') ?? 1) }, () => 1),
        array: range(name),
        seconds: (hours * 60 + minutes) * 60,
        extra: {
          hostSize: Number(/ptile=(\d+)/.exec(script)?.[1] ?? 16),
          project: last('-P'),
          queue: last('-q'),
        },
      });
      return { out: `Job <${number}> is submitted to default queue <normal>.\n` };
    }
    const ids = words.filter((word) => /^\d+(\[\d+\])?$/.test(word)).map((word) => word.replace(/\[.*/, ''));
    const found = all().filter(({ number }) => ids.includes(String(number)));
    if (command === 'bjobs') {
      const live = words.includes('-a') ? found : all().filter(({ state }) => state !== 'ended');
      if (live.length === 0)
        return {
          err: ids.length > 0 ? `Job <${ids[0]}> is not found\n` : 'No unfinished job found\n',
          code: 255,
        };
      const asked = live.filter(({ element }) => (wantedElement(words) ?? element) === element);
      if (words.some((word) => /finish_time/.test(word))) return { out: asked.map(finishLine).join('') };
      if (words.some((word) => /runtimelimit/.test(word))) return { out: `${asked.map(holdsLine)[0]}\n` };
      if (words.some((word) => word.includes('job_name')))
        return {
          out: live
            .map(
              ({ number, element, name }) => `${number}|${name}${element === null ? '' : `[${element}]`}\n`,
            )
            .join(''),
        };
      return { out: live.map(bjobsLine).join('') };
    }
    if (command === 'bmod') {
      const [hours, minutes] = words[words.indexOf('-W') + 1].split(':').map(Number);
      for (const job of found) alter(job, { seconds: (hours * 60 + minutes) * 60 });
      return { out: `Parameters of job <${ids[0]}> are being changed\n` };
    }
    if (command === 'bkill') {
      const signal = words.includes('-s') ? words[words.indexOf('-s') + 1] : undefined;
      if (found.length === 0) return { err: `Job <${ids[0]}>: No matching job found\n`, code: 255 };
      if (signal)
        for (const job of found.filter(({ state }) => state === 'running'))
          process.kill(-job.pid, `SIG${signal}`);
      else await Promise.all(found.map(({ number, element }) => end(number, element, 'delete')));
      return { out: found.map(({ number }) => `Job <${number}> is being terminated\n`).join('') };
    }
    if (command === 'blaunch') return { code: await follow(words.slice(1), process.env) };
    return { err: `${command}: not here\n`, code: 2 };
  },
};

const wantedElement = (words) => {
  const index = words.map((word) => /^\d+\[(\d+)\]$/.exec(word)?.[1]).find(Boolean);
  return index === undefined ? undefined : Number(index);
};

/** `finish_time` of bjobs -o: to the minute, with L for a limit (IBM's documentation of bjobs -WF). */
function finishLine({ started, seconds: limit }) {
  if (!started || !limit) return '-\n';
  const [, month, date, , at] = new Date(started + limit * 1000).toString().split(' ');
  return `${month} ${date} ${at.slice(0, 5)} L\n`;
}

/** `runtimelimit` of bjobs -o is in minutes and names a host. */
const holdsLine = ({ project = 'default', queue = 'normal', seconds: limit }) =>
  `${project}|${queue}|${limit ? `${(limit / 60).toFixed(1)}/node1` : '-'}`;

function bjobsLine({ number, element, state, exit, told, comment }) {
  const stat = { queued: 'PEND', running: 'RUN', ended: exit === 0 ? 'DONE' : 'EXIT' }[state];
  const code = state === 'ended' && exit !== 0 ? String(exit === 271 ? 130 : (exit ?? '-')) : '-';
  const why =
    told === 'delete'
      ? 'TERM_OWNER: job killed by owner'
      : told === 'limit'
        ? 'TERM_RUNLIMIT: job killed after reaching LSF run time limit'
        : '-';
  return `${number}|${element ?? 0}|${stat}|${code}|${state === 'ended' ? why : '-'}|${state === 'queued' ? (comment ?? 'New job is waiting for scheduling;') : '-'}\n`;
}

export const systems = { openpbs: pbs('openpbs'), torque: pbs('torque'), lsf };
