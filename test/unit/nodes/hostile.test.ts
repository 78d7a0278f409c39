import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Line, LineOf, Task } from '#drift/nodes/events.ts';
import { judgeText } from './recorded.ts';

type Unnumbered<L = Line> = L extends Line ? Omit<L, 'seq'> : never;

const task = (id: string, own: Partial<Task> = {}): Task => ({
  id,
  name: `task ${id}`,
  path: `site.yml:${id}`,
  module: 'ansible.builtin.copy',
  handler: false,
  checkMode: true,
  changedWhen: null,
  failedWhen: null,
  when: false,
  stopsAll: false,
  ...own,
});

const numbered = (lines: readonly Unnumbered[]): string =>
  lines.map((line, seq) => `${JSON.stringify({ seq, ...line })}\n`).join('');

const result = (host: string, of: Task, own: Partial<LineOf<'task'>> = {}): Unnumbered => ({
  event: 'task',
  play: 0,
  host,
  task: of,
  status: 'ok',
  ...own,
});

/** A run of one play, as our plugin writes it: every host runs every task and is as it should be. */
function run(hosts: readonly string[], tasks: readonly Task[], plays = 1): readonly Unnumbered[] {
  const stats = { ok: tasks.length, failures: 0, unreachable: 0, skipped: 0, rescued: 0, ignored: 0 };
  const begin = { format: 'plumbline.nodes/1', ansible: '2.21.5', python: '3.13', check: true, diff: true } as const;
  return [
    { event: 'begin', ...begin, time: '' },
    { event: 'playbook', plays },
    { event: 'plan', hosts: Array.from({ length: plays }, () => hosts) },
    ...Array.from(
      { length: plays },
      (_, play): Unnumbered => ({ event: 'play', play, name: 'p', hosts, batch: hosts, maxFailPercentage: null }),
    ),
    ...tasks.flatMap((of): readonly Unnumbered[] => [
      { event: 'start', play: 0, task: of },
      ...hosts.map((host) => result(host, of)),
    ]),
    { event: 'end', stats: Object.fromEntries(hosts.map((host) => [host, stats])), time: '' },
  ];
}

const TWO = [task('1'), task('2')];
const LINES = run(['a', 'b'], TWO);
const judged = (lines: readonly Unnumbered[]) => judgeText(numbered(lines), 0);

describe('a run that is whole', () => {
  it('is in sync', () => {
    expect(judged(LINES)).toMatchObject({ verdict: 'in-sync', coverage: { compared: 4, total: 4 } });
  });

  it.each(['constructor', 'toString', 'valueOf', 'length', '../../etc/passwd', 'a: b', ''])('also on "%s"', (host) => {
    const { verdict, nodes } = judged(run([host, 'z'], [task('1', { name: '__proto__', path: 'constructor:1' })]));
    expect([verdict, nodes.map(({ node }) => node)]).toEqual(['in-sync', [host, 'z']]);
    const silent = run([host, 'z'], TWO).map((line) => (line.event === 'end' ? { ...line, stats: {} } : line));
    expect(judged(silent).nodes.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/statistics at the end do not know/),
      expect.stringMatching(/statistics at the end do not know/),
    ]);
  });

  it('of "__proto__" is never in sync: no statistics can be kept under that name', () => {
    const text = numbered(run(['x__proto__x'], TWO)).replaceAll('x__proto__x', '__proto__');
    expect(judgeText(text, 0).verdict).toBe('unknown');
  });

  it('may have thousands of hosts in many plays', () => {
    const hosts = Array.from({ length: 2000 }, (_, index) => `ip-10-20-30-${index}.eu-central-1.compute.internal`);
    const text = numbered(run(hosts, [task('1')], 12));
    expect(judgeText(text, 0)).toMatchObject({ verdict: 'in-sync', coverage: { compared: 2000 } });
  });

  it('may have very many tasks', () => {
    const tasks = Array.from({ length: 20_000 }, (_, index) => task(String(index)));
    const begun = performance.now();
    expect(judged(run(['a'], tasks)).coverage.compared).toBe(20_000);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe('lines that are numbered right, and are no run', () => {
  const index = (event: Line['event']): number => LINES.findIndex((line) => line.event === event);
  const item = (id: string): Unnumbered => ({ event: 'item', play: 0, host: 'a', id, item: 'i', status: 'changed' });
  it.each<[string, readonly Unnumbered[]]>([
    ['no playbook', LINES.toSpliced(1, 1)],
    ['no plan', LINES.toSpliced(2, 1)],
    ['two playbooks', LINES.toSpliced(1, 0, { event: 'playbook', plays: 7 })],
    ['no play', LINES.toSpliced(3, 1)],
    ['a result without a start', LINES.toSpliced(index('start'), 1)],
    ['a result before its play', [...LINES.slice(0, 3), LINES[4], ...LINES.slice(3)].flatMap((line) => line ?? [])],
    ['a result of no play', LINES.map((line) => (line.event === 'task' ? { ...line, play: 7 } : line))],
    ['a result twice', LINES.toSpliced(index('task'), 0, result('a', task('1')))],
    ['a result of another host', LINES.toSpliced(index('task'), 1, result('c', task('1')))],
    ['an item of no task', LINES.toSpliced(index('task'), 0, item('9'))],
    ['an item after its task', LINES.toSpliced(-1, 0, item('2'))],
    ['a second end', [...LINES, ...LINES.slice(-1)]],
  ])('%s: unknown', (_, lines) => {
    expect(judged(lines).verdict).toBe('unknown');
  });

  it('in any order, from another run, doubled or left out: never in sync unless it is the same run', () => {
    const others = run(['a', 'b'], [task('3'), task('1', { name: 'other' })]);
    const pool = fc.shuffledSubarray([...LINES, ...others.slice(4, -1)], { minLength: 1 });
    const isSame = (lines: readonly Unnumbered[]): boolean =>
      lines.filter(({ event }) => event === 'task').length === 4 && lines.at(-1)?.event === 'end';
    fc.assert(
      fc.property(pool, (lines) => {
        if (!isSame(lines)) expect(judged(lines).verdict).toBe('unknown');
      }),
    );
  });

  it.each(['1e308', '1e999', '-1', '9007199254740993', '0.5', '"3"', 'null', 'true', '{}', '[]'])(
    'a number that is %s: unknown',
    (number) => {
      const text = numbered(LINES);
      for (const field of ['seq":3', 'play":0', 'plays":1', 'ok":2', 'failures":0', 'rescued":0']) {
        const [name] = field.split(':');
        expect(judgeText(text.replace(`"${field}`, `"${name}:${number}`), 0).verdict, field).toBe('unknown');
      }
    },
  );
});

describe('failures that were rescued', () => {
  const ended = (stats: { readonly failures: number; readonly rescued: number }, failed: readonly string[]) => {
    const all = { ok: 2 - failed.length, unreachable: 0, skipped: 0, ignored: 0, ...stats };
    return run(['a'], TWO).map((line): Unnumbered => {
      if (line.event === 'task' && failed.includes(line.task.id)) return { ...line, status: 'failed' };
      return line.event === 'end' ? { ...line, stats: { a: all } } : line;
    });
  };
  it('are not verified, also where the node failed later', () => {
    const lines = ended({ failures: 1, rescued: 1 }, ['1', '2']);
    expect(judgeText(numbered(lines), 2).nodes).toMatchObject([
      { verdict: 'unknown', unverified: ['task 1'], reason: expect.stringMatching(/^failed: "task 2"/) },
    ]);
    expect(judged(ended({ failures: 0, rescued: 1 }, ['1'])).nodes).toMatchObject([
      { verdict: 'unknown', compared: 1, unverified: ['task 1'] },
    ]);
  });
});

describe('what failed_when hides', () => {
  const hidden = (own: Partial<Task>) => {
    const of = task('1', { failedWhen: 'expression', ...own });
    const lines = run(['a'], [of]).map((line) =>
      line.event === 'task' ? { ...line, hidesFailure: true as const } : line,
    );
    return judged(lines).verdict;
  };
  it('is not verified, but where its author may say what a failure is', () => {
    expect(hidden({})).toBe('unknown');
    expect(hidden({ failedWhen: 'never' })).toBe('unknown');
    expect(hidden({ module: 'ansible.builtin.command', checkMode: false })).toBe('in-sync');
    expect(hidden({ module: 'ansible.builtin.command', checkMode: false, failedWhen: 'never' })).toBe('unknown');
    expect(hidden({ module: 'ansible.builtin.uri', checkMode: false })).toBe('in-sync');
  });
});
