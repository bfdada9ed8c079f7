// One start of all sixteen hosts, with one transport.
import { join } from 'node:path';
import { state } from '../ssh/scene.js';
import { causes, hosts, onlyWithSystem } from './hosts.js';

const each = 2;
const pick = (lines, name) => lines.find((line) => line.startsWith(`${name}: `));

/** What is expected of a host with a transport. */
function expectation(name, transport) {
  const own = transport === 'ssh2' ? onlyWithSystem[name] : undefined;
  return { ...hosts[name], ...own };
}

export async function playStart(scene, transport, judged) {
  const names = Object.keys(hosts);
  const expected = names.map((name) => expectation(name, transport));
  const inPlan = expected.filter((row) => row.expected === 'there').length;
  const options = [
    '-o',
    `transport=${transport}`,
    '-o',
    `config=${join(state, 'varied/config')}`,
    '-o',
    'timeout=5s',
    '--ip',
    '*',
  ];
  const words = ['-n', String(each * names.length), '--min-engines', String(each * inPlan), '-d'];
  const file = scene.write('hosts', `${names.map((name) => `${name} slots=${each}`).join('\n')}\n`);
  const started = await scene.run('start', '--launcher', 'ssh', '-o', `hosts=@${file}`, ...options, ...words);
  const { engines = [] } = await scene.json('status');
  const { findings = [] } = await scene.json('why');
  const answered = (await scene.run('exec', 'require("os").hostname()')).out;
  const stop = await scene.json('stop');
  const rows = names.map((name, index) => {
    const { what, expected: wanted, words: sentence, ssh } = expected[index];
    const count = engines.filter(({ host }) => host === name).length;
    const finding = findings.find((one) => one.sentence.startsWith(`${name}: `));
    const said =
      finding?.sentence ??
      pick(
        started.err.split('\n').map((line) => line.trim()),
        name,
      ) ??
      '';
    const seen = count > 0 ? 'there' : (finding?.code ?? 'no word');
    const problems = [];
    const check = (is, problem) => is || problems.push(problem);
    check(judged[name].ssh === ssh, `the judge says ${judged[name].ssh}, not ${ssh}: ${judged[name].words}`);
    if (ssh === 'out')
      check(causes[wanted]?.test(judged[name].said), `ssh itself gave another cause: ${judged[name].words}`);
    check(seen === wanted, `${seen}, not ${wanted}: ${said}`);
    if (wanted === 'there') {
      check(count === each, `${count} engines`);
      check(
        answered.split('\n').filter((line) => line.includes(`'${name}'`)).length === each,
        'its engines do not answer',
      );
    } else check(sentence.test(said), `its sentence: ${said}`);
    return {
      name,
      what,
      transport,
      expected: wanted,
      ssh: judged[name].words,
      seen: wanted === 'there' ? seen : `${seen}: ${said.replace(`${name}: `, '')}`,
      problems,
    };
  });
  if (stop.orderly !== true) rows.at(-1).problems.push(`stop: ${JSON.stringify(stop)}`);
  if (started.code !== 0)
    rows[0].problems.push(
      `start ended with ${started.code}: ${started.err.slice(-3000)} ${started.out.slice(-500)}`,
    );
  return rows;
}
