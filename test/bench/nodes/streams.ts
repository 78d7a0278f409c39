import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Line, lineSchema } from '#drift/nodes/events.ts';

/** Two tasks of a kubelet's drop-in: one that is fine, one that differs. */
const RECORDED = path.resolve(
  import.meta.dirname,
  '../../fixtures/ansible/events/2.21.5/systemd-kubelet-dropin-edited.jsonl',
);
const recorded = readFileSync(RECORDED, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => lineSchema.parse(JSON.parse(line)));
const one = <E extends Line['event']>(event: E, at = 0): Extract<Line, { readonly event: E }> => {
  const line = recorded.filter((candidate) => candidate.event === event)[at];
  if (line === undefined) throw new Error(`${RECORDED} has no ${event}`);
  return line as Extract<Line, { readonly event: E }>;
};

/**
 * What our plugin writes on one node of a playbook with so many tasks, as it did in the recorded run.
 * @param drifted whether one of the tasks would change something
 */
export function streamOf(node: string, tasks: number, drifted: boolean): string {
  const lines: object[] = [
    one('begin'),
    one('playbook'),
    { ...one('plan'), hosts: [[node]] },
    { ...one('play'), hosts: [node], batch: [node] },
  ];
  for (let at = 0; at < tasks; at += 1) {
    const result = one('task', drifted && at === tasks - 1 ? 1 : 0);
    const task = {
      ...result.task,
      id: result.task.id.replace(/.{4}$/, String(at).padStart(4, '0')),
      name: `${result.task.name} ${at}`,
      path: `roles/minion/tasks/main.yml:${at * 7 + 1}`,
    };
    lines.push({ ...one('start'), task }, { ...result, host: node, task });
  }
  const stats = {
    ok: tasks,
    failures: 0,
    unreachable: 0,
    changed: drifted ? 1 : 0,
    skipped: 0,
    rescued: 0,
    ignored: 0,
  };
  lines.push({ ...one('end'), stats: { [node]: stats } });
  return lines.map((line, seq) => `${JSON.stringify({ ...line, seq })}\n`).join('');
}
