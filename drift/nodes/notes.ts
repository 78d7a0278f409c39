import type { Note } from '../note.ts';
import { type Execution, oneLine } from './executions.ts';
import { isInclude, isWhenSkip } from './modules.ts';
import type { NodeLook, NodeStream } from './node.ts';
import { leftText } from './outcome.ts';
import type { Stream } from './stream.ts';

const NO_HOSTS = 'no-hosts';
/** Notes of one kind that are listed; the rest is counted. */
const MAX_NOTES = 100;
/** Hosts that are named in one note. */
const MAX_NAMED = 20;

/** What is worth saying beside the findings; of every task once, with the number of nodes. */
export function notesOf(looks: readonly NodeLook[], others: readonly Note[]): readonly Note[] {
  const notes = new Map<string, { readonly note: Note; readonly nodes: Set<string> }>();
  for (const { node, notes: own } of looks) {
    for (const note of own) {
      const key = JSON.stringify(note);
      const known = notes.get(key) ?? { note, nodes: new Set() };
      known.nodes.add(node);
      notes.set(key, known);
    }
  }
  const told = [...notes.values()].map(({ note, nodes }): Note => {
    const on = looks.length < 2 ? '' : ` on ${nodes.size} of ${looks.length} nodes`;
    return { ...note, text: `${note.text}${on}` };
  });
  return bounded([...summary(looks), ...told, ...others]);
}

/** What is worth saying of the runs. A play that is for others matches nobody on a node: it matched none if all say so. */
export function runNotes(streams: readonly { readonly notes: readonly Note[] }[]): readonly Note[] {
  const notes = streams.flatMap((stream) => stream.notes);
  const unmatched = new Map<string, number>();
  for (const { kind, text } of notes) if (kind === NO_HOSTS) unmatched.set(text, (unmatched.get(text) ?? 0) + 1);
  return notes.filter(({ kind, text }) => kind !== NO_HOSTS || unmatched.get(text) === streams.length);
}

/** A run leaves nothing on its node, and says where it could not help it. */
export const leftNotes = ({ name, left }: NodeStream): readonly Note[] =>
  left == null ? [] : [{ kind: 'left', subject: name, text: leftText(left) }];

/** Hosts that no play was for: where another play matched nobody, that one may have been meant for them. */
export function unlookedNotes(hosts: readonly string[]): readonly Note[] {
  if (hosts.length === 0) return [];
  const named = hosts.slice(0, MAX_NAMED).join(', ');
  const more = hosts.length > MAX_NAMED ? ` and ${hosts.length - MAX_NAMED} more` : '';
  return [{ kind: 'unlooked-at', text: `no play is for ${named}${more}: mend hosts of the play that matched no node` }];
}

/** What is worth saying of the tasks of one node. */
export function taskNotes(executions: readonly Execution[]): readonly Note[] {
  const notes: Note[] = [];
  for (const { task, result, items } of executions) {
    const subject = `${task.name} (${task.path})`;
    const ran = result !== null && result.status !== 'skipped' && result.status !== 'hidden';
    if (ran && !task.checkMode && !isInclude(task)) {
      notes.push({ kind: 'executed', subject, text: 'ran for real, by its author’s word (check_mode: false)' });
    }
    if (task.handler && result?.status === 'changed') {
      notes.push({ kind: 'handler', subject, text: 'would be run by what differs' });
    }
    const { dependsOn: registers = [] } = result ?? {};
    if (registers.length > 0) {
      const text = `skipped by a when that uses ${registers.join(', ')}, which check mode did not find out`;
      notes.push({ kind: 'skipped', subject, text });
    }
    const isHidden = [...items, ...(result === null ? [] : [result])].some(({ status }) => status === 'hidden');
    if (isHidden && isWhenSkip(task)) {
      notes.push({ kind: 'skipped', subject, text: 'taken as skipped by its when: no_log hides the reason' });
    }
  }
  return bounded(notes);
}

function summary(looks: readonly NodeLook[]): readonly Note[] {
  if (looks.length < 2) return [];
  // A rule may accept what could not be verified: that is no reason to call the node unknown here.
  const said = looks.map(({ verdict, trouble }) =>
    verdict === 'unknown' && trouble === null ? 'not fully verified' : verdict,
  );
  const counts = (['in-sync', 'drifted', 'not fully verified', 'unknown'] as const)
    .map((verdict) => ({ verdict, count: said.filter((one) => one === verdict).length }))
    .filter(({ count }) => count > 0);
  return [
    {
      kind: 'nodes',
      text: `${looks.length} nodes: ${counts.map(({ verdict, count }) => `${count} ${verdict}`).join(', ')}`,
    },
  ];
}

/** What is worth saying of a run as a whole. */
export function streamNotes({ lines, begin }: Stream): readonly Note[] {
  const names = new Map(lines.flatMap((line) => (line.event === 'play' ? [[line.play, line.name] as const] : [])));
  const diffless: readonly Note[] =
    begin === null || begin.diff
      ? []
      : [{ kind: 'diff', text: 'the playbook ran without --diff: values are not shown' }];
  return [
    ...diffless,
    ...lines.flatMap((line): readonly Note[] => {
      if (line.event === 'no-hosts') {
        return [{ kind: NO_HOSTS, text: `the play "${names.get(line.play) ?? line.play + 1}" matched no node` }];
      }
      if (line.event === 'start' && line.task.meta !== undefined && /^end_/.test(line.task.meta)) {
        const text = `ends a play early (${line.task.meta}): what follows may not have been compared`;
        return [{ kind: 'ended', subject: `${line.task.name} (${line.task.path})`, text }];
      }
      if (line.event !== 'odd' || line.lost) return [];
      return [{ kind: 'odd', ...(line.host === null ? {} : { subject: line.host }), text: oneLine(line.text) }];
    }),
  ];
}

/** Each once, and of one kind not more than can be read. */
function bounded(notes: readonly Note[]): readonly Note[] {
  const unique = [...new Map(notes.map((note) => [JSON.stringify(note), note])).values()];
  const kinds = [...new Set(unique.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => {
    const own = unique.filter((note) => note.kind === kind);
    const rest = own.length - MAX_NOTES;
    return rest <= 0 ? own : [...own.slice(0, MAX_NOTES), { kind, text: `and ${rest} more, not listed` }];
  });
}
