import type { Line, LineOf } from './events.ts';

type Play = LineOf<'play'>;
type Result = LineOf<'task'>;

/**
 * Why a play did not come to its end for hosts that show no failure of their own (facts/ansible.md §1).
 * @param broken failures that nothing rescued or ignored, and hosts that were not reached
 */
export function cutShort(lines: readonly Line[], broken: readonly Result[]): ReadonlyMap<string, string> {
  const cut = new Map<string, string>();
  const add = (hosts: Iterable<string>, reason: string): void => {
    for (const host of hosts) if (!cut.has(host)) cut.set(host, reason);
  };
  const of = <E extends Line['event']>(event: E): readonly LineOf<E>[] =>
    lines.filter((line): line is LineOf<E> => line.event === event);
  const plays = of('play');
  const everyone = new Set(plays.flatMap(({ hosts }) => hosts));

  const begun = new Set(plays.map(({ play }) => play));
  const planned = of('plan')[0]?.hosts ?? [];
  for (let play = 0; play < (of('playbook')[0]?.plays ?? 0); play += 1) {
    if (begun.has(play)) continue;
    add(planned[play] ?? everyone, `play ${play + 1} of the playbook never began`);
  }
  for (const play of plays) {
    const seen = new Set(plays.filter((other) => other.play === play.play).flatMap(({ batch }) => batch));
    add(
      play.hosts.filter((host) => !seen.has(host)),
      `the play "${play.name}" never came to this node`,
    );
    for (const reason of endedBy(play, broken)) add(play.batch, reason);
  }
  const failed = new Set(broken.map(({ host }) => host));
  let current: Play | null = null;
  for (const line of lines) {
    if (line.event === 'play') current = line;
    if (line.event !== 'no-hosts-left' || current === null) continue;
    add(
      current.batch.filter((host) => !failed.has(host)),
      'the play ended because no node was left',
    );
  }
  return cut;
}

function* endedBy(play: Play, broken: readonly Result[]): Iterable<string> {
  const here = broken.filter((result) => result.play === play.play && play.batch.includes(result.host));
  const fatal = here.find(({ task }) => task.stopsAll);
  if (fatal !== undefined) yield `"${fatal.task.name}" failed on ${fatal.host} and ended the play for every node`;
  const { maxFailPercentage: most } = play;
  const failed = new Set(broken.filter(({ host }) => play.batch.includes(host)).map(({ host }) => host)).size;
  if (most !== null && failed > 0 && (failed / play.batch.length) * 100 > most) {
    yield `${failed} of ${play.batch.length} nodes failed, which is more than max_fail_percentage allows`;
  }
}
