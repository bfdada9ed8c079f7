import type { Question, Verdict } from '../../launcher-kit/contract.js';
import { rowsOf } from '../../launcher-kit/words.js';
import { bareList, onCluster } from './questions.js';

/** With -M a line that names the cluster comes first. */
const drained = `job=$1
shift
nodes=$(squeue -h -t all "$@" -j "$job" -o %N | tail -n 1) && [ -n "$nodes" ] && sinfo -h "$@" -R -n "$nodes" -o "%N|%E"`;

/**
 * Nodes of a job that Slurm took out of service because its Prolog failed there. With PrologFlags=Alloc the
 * job's own output says nothing of that, and squeue says CANCELLED (seen with Slurm 22.05). A node that had
 * been drained before was never allocated to it.
 */
export const drainedNodes = (ids: readonly string[]): Question<Verdict> => ({
  argv: ['/bin/sh', '-c', drained, 'nodes', bareList(ids), ...onCluster(ids)],
  parse({ code, stdout }) {
    const nodes = rowsOf(stdout, 2).flatMap(([node = '', reason = '']) =>
      /prolog/i.test(reason) ? [node] : [],
    );
    if (code !== 0 || nodes.length === 0) return undefined;
    return {
      code: 'node-prolog',
      sentence:
        `On ${nodes.join(', ')}: what the site runs there before a job (its Prolog) failed, and Slurm ` +
        'ended the job.',
      suggestions: ['Start again: it will get another node.', 'Tell the administrators: `sinfo -R`.'],
      nodes,
    };
  },
});

/**
 * States of nodes that run nothing, or from which Slurm hears nothing (a star; sinfo(1), "NODE STATE CODES").
 */
const isDown = (state: string): boolean => /^(down|fail|error|unknown|powered_down)|\*$/i.test(state);

/**
 * Nodes that are down or do not answer to Slurm, each with its words for it. A node that sinfo does not know
 * is no answer.
 */
export const downNodes = (
  hosts: readonly string[],
  ids: readonly string[],
): Question<Map<string, string>> => ({
  argv: ['sinfo', '-h', '-N', ...onCluster(ids), '-n', hosts.join(','), '-o', '%N|%T|%E'],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    return new Map(
      rowsOf(stdout, 3).flatMap(([node = '', state = '', reason = '']): [string, string][] => {
        if (!isDown(state)) return [];
        return [[node, reason === '' || reason === 'none' ? state : `${state}: ${reason}`]];
      }),
    );
  },
});
