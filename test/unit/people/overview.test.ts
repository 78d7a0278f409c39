import { describe, expect, test } from 'vitest';
import { overview } from '#checks/people/overview.ts';
import { keys } from '#drift/names.ts';
import { overviewRow, rowSchema, statusSchema } from '#drift/overview.ts';
import { NO_RULES } from '#drift/rules/rule.ts';
import { advance } from '#drift/state/advance.ts';
import { EMPTY_QUEUE } from '#drift/state/queue.ts';
import { newState, stateSchema } from '#drift/state/state.ts';
import { ObjectTooLarge } from '#services/ports.ts';
import { COMMIT, finding, report, SHOP, TARGET, testWorld } from '../runs/world.ts';
import { linkTo, NOW, open, RUN_ID, row, running, state } from './rows.ts';

const YESTERDAY = '2026-11-23T12:00:00.000Z';
const TOMORROW = '2026-11-25T12:00:00.000Z';

describe('how a target stands', () => {
  test('in sync: since when, with what coverage, by which run', () => {
    expect(row()).toEqual({
      ...{ target: 'prod/network', environment: 'prod', layer: 'terraform' },
      ...{ verdict: 'in-sync', reason: '3 of 3 compared, nothing differs', since: '2026-11-22T11:31:00.000Z' },
      lastRun: { runId: RUN_ID, verdict: 'in-sync', endedAt: '2026-11-24T11:31:00.000Z' },
      ...{ age: 29 * 60, compared: 3, total: 3, findings: 0, acknowledged: 0, causes: {}, acknowledgedUntil: null },
      ...{ running: null, waiting: null, by: null, aside: null, trigger: 'schedule', commit: COMMIT },
      link: 'https://console.example/state/prod/network.html',
    });
  });

  test('drifted: how many findings of which cause, and how many are known until when', () => {
    const findings = [
      open('a'),
      open('b', { cause: 'pending' }),
      open('c'),
      open('d', { acknowledged: true, acknowledgedUntil: '2026-12-01T00:00:00.000Z' }),
      open('e', { acknowledged: true, acknowledgedUntil: TOMORROW }),
    ];
    expect(row(state({ verdict: 'drifted', reason: '3 findings' }, { findings }))).toMatchObject({
      ...{ verdict: 'drifted', findings: 3, acknowledged: 2, acknowledgedUntil: TOMORROW },
      causes: { 'out-of-band': 2, pending: 1 },
    });
  });

  test('unknown: with the reason, cut where it is very long, and what is still open', () => {
    const reason = `no credentials ${'x'.repeat(5000)}`;
    const found = row(state({ verdict: 'unknown', reason, compared: 0, total: 0 }, { findings: [open('a')] }));
    expect(found).toMatchObject({ verdict: 'unknown', findings: 1 });
    expect(found.reason).toHaveLength(500);
  });

  test.each([
    ['a run that did not come', state({ startedAt: YESTERDAY, endedAt: YESTERDAY })],
    ['drift that was found before', state({ startedAt: YESTERDAY, endedAt: YESTERDAY, verdict: 'drifted' })],
  ])('stale, whatever the last verdict was: %s', (_, old) => {
    // An hour for the schedule, half of one for the run, five minutes of grace.
    expect(row(old)).toMatchObject({ verdict: 'stale', since: '2026-11-23T13:35:00.000Z' });
    expect(row(old).reason).toBe(`no run came when one was due; the last one was ${old.last?.verdict}`);
  });

  test('stale from the first day, when none ever came', () => {
    const old = { ...newState(TARGET.name, new Date(YESTERDAY)), schedule: 'rate(1 hour)' };
    expect(row(old)).toMatchObject({ verdict: 'stale', lastRun: null, age: null, compared: null });
  });

  test.each([
    ['paused', { ...TARGET, enabled: false }],
    ['retired', { ...TARGET, retired: true }],
  ] as const)('%s, whatever the last verdict was', (verdict, target) => {
    const found = row(state({ verdict: 'drifted', startedAt: YESTERDAY }), target);
    expect(found).toMatchObject({ verdict, since: null, lastRun: { verdict: 'drifted' } });
  });

  test('never checked, with a state or without', () => {
    expect(row(null)).toMatchObject({ verdict: 'never', since: null });
    const met = newState(TARGET.name, new Date('2026-11-24T11:59:00.000Z'));
    expect(row(met)).toMatchObject({ verdict: 'never', since: '2026-11-24T11:59:00.000Z' });
  });

  test('drifted again when an acknowledgement has ended since the run, or was not looked at', () => {
    const ended = open('a', { acknowledged: true, acknowledgedUntil: YESTERDAY });
    expect(row(state({}, { findings: [ended] }))).toMatchObject({
      ...{ verdict: 'drifted', since: YESTERDAY, findings: 1, acknowledged: 0 },
      reason: '1 finding: 1 whose acknowledgement has ended',
    });
    expect(row(state({}, { findings: [ended, open('b')] }))).toMatchObject({
      verdict: 'drifted',
      reason: '2 findings: 1 whose acknowledgement has ended and 1 that the last run did not look at',
    });
    const known = open('a', { acknowledged: true, acknowledgedUntil: TOMORROW });
    expect(row(state({}, { findings: [known] }))).toMatchObject({ verdict: 'in-sync', acknowledged: 1 });
  });

  test('with the run in progress, and the one that waits', () => {
    const { running: now } = running;
    if (now === null) throw new Error('one runs');
    const { ticket: _ticket, claimedAt: _at, build: _build, ...asked } = now;
    const queue = { ...running, waiting: { ...asked, runId: 'next', throttled: 'no room' } };
    expect(row(state(), TARGET, queue)).toMatchObject({
      running: { runId: now.runId, since: now.claimedAt },
      waiting: { runId: 'next', since: now.at, throttled: 'no room' },
    });
    expect(row(state(), TARGET, EMPTY_QUEUE)).toMatchObject({ running: null, waiting: null });
  });

  test('cannot be known: unknown, with why', () => {
    const found = overviewRow(TARGET, { unreadable: 'state/prod/network.json is not JSON' }, NOW, 'https://x');
    expect(found).toMatchObject({
      verdict: 'unknown',
      reason: 'what is known of it cannot be read: state/prod/network.json is not JSON',
    });
    expect(rowSchema.parse(found)).toEqual(found);
  });
});

describe('since when a verdict holds', () => {
  const runAt = (minute: string, over: Parameters<typeof report>[1] = {}) =>
    report(`20261124T03${minute}00000Z-0123456789abcdef`, { endedAt: `2026-11-24T03:${minute}:20.000Z`, ...over });
  const judged = (...reports: readonly ReturnType<typeof runAt>[]) =>
    reports.reduce((now, one) => advance(now, one, TARGET, NO_RULES, NOW), FIRST);
  const FIRST = newState(TARGET.name, new Date('2026-11-24T00:00:00.000Z'));
  const drifted = { verdict: 'drifted', findings: [finding('a')] } as const;

  test('is the end of the first run in a row that had it', () => {
    expect(judged(runAt('10')).last?.since).toBe('2026-11-24T03:10:20.000Z');
    expect(judged(runAt('10'), runAt('20')).last?.since).toBe('2026-11-24T03:10:20.000Z');
    expect(judged(runAt('10'), runAt('20', drifted)).last?.since).toBe('2026-11-24T03:20:20.000Z');
    expect(judged(runAt('10'), runAt('20', drifted), runAt('30')).last?.since).toBe('2026-11-24T03:30:20.000Z');
  });

  test('is at least the last run, where an older service did not keep it', () => {
    const { since: _since, ...last } = judged(runAt('10')).last ?? {};
    const old = stateSchema.parse({ ...judged(runAt('10')), last });
    expect(old.last?.since).toBeNull();
    expect(row(old)).toMatchObject({ verdict: 'in-sync', since: '2026-11-24T03:10:20.000Z' });
    const next = advance(old, runAt('20'), TARGET, NO_RULES, NOW);
    expect(next.last?.since).toBe('2026-11-24T03:10:20.000Z');
  });
});

describe('the overview', () => {
  const second = { ...SHOP, name: 'prod/shop' };
  function world() {
    const made = testWorld(TARGET);
    made.clock.now = NOW;
    const warnings: unknown[] = [];
    return {
      ...made,
      linkTo,
      warnings,
      config: { ...made.config, targets: [TARGET, second] },
      log: { ...made.log, warn: (_: string, about: unknown) => void warnings.push(about) },
    };
  }

  test('reads state and queue of each target, the worst first, and writes nothing', async () => {
    const made = world();
    await made.store.put(keys.state(TARGET.name), JSON.stringify(state()));
    await made.store.put(keys.state(second.name), JSON.stringify(state({ verdict: 'drifted' })));
    await made.store.put(keys.queue(second.name), JSON.stringify(running));
    const before = [...made.store.objects];
    const found = await overview(null, made);
    expect(statusSchema.parse(found)).toEqual(found);
    expect(found.targets.map(({ target, verdict }) => [target, verdict])).toEqual([
      ['prod/shop', 'drifted'],
      ['prod/network', 'in-sync'],
    ]);
    expect(found.targets[0]?.running?.runId).toBe(running.running?.runId);
    expect(found).toMatchObject({ at: NOW.toISOString(), config: { hash: made.config.hash }, missing: [] });
    expect([...made.store.objects]).toEqual(before);
  });

  test('of some targets, and says which of the names are none', async () => {
    const found = await overview(['prod/shop', 'prod/nowhere', 'prod/shop'], world());
    expect(found.targets.map(({ target }) => target)).toEqual(['prod/shop']);
    expect(found.missing).toEqual(['prod/nowhere']);
  });

  test.each([
    ['state/prod/network.json is not JSON', '{'],
    ['state/prod/network.json is not valid at schema: Invalid input: expected "plumbline.state/1"', '{}'],
  ])('a record that is damaged is a row that says so, and takes no other with it: %s', async (why, text) => {
    const made = world();
    await made.store.put(keys.state(TARGET.name), text);
    await made.store.put(keys.state(second.name), JSON.stringify(state()));
    const found = await overview(null, made);
    expect(found.targets.map(({ target, verdict }) => [target, verdict])).toEqual([
      ['prod/network', 'unknown'],
      ['prod/shop', 'in-sync'],
    ]);
    expect(found.targets[0]?.reason).toBe(`what is known of it cannot be read: ${why}`);
    expect(made.warnings).toEqual([{ target: 'prod/network', error: expect.stringContaining(why) }]);
  });

  const lastOf = (over: Parameters<typeof state>[0]) => ({ state: state(over), queue: running });
  const openWith = (over: Parameters<typeof open>[1]) => ({
    state: state({}, { findings: [open('a'), open('b', over)] }),
    queue: running,
  });
  const { running: one } = running;
  test.each([
    ['since', { state: state({}, { since: '' }), queue: running }],
    ['last.startedAt', lastOf({ startedAt: 'yesterday' })],
    ['last.endedAt', lastOf({ endedAt: '2026-11-24T25:31:00.000Z' })],
    ['last.since', lastOf({ since: 'soon' })],
    ['firstSeen of a finding', openWith({ firstSeen: 'never' })],
    ['acknowledgedUntil of a finding', openWith({ acknowledged: true, acknowledgedUntil: 'NaN' })],
    ['running.claimedAt', { state: state(), queue: { ...running, running: { ...one, claimedAt: '?' } } }],
    ['waiting.at', { state: state(), queue: { ...running, waiting: { ...one, at: '?', throttled: null } } }],
  ])('a record with a time that is none is such a row too, and nothing of it is shown: %s', async (where, records) => {
    const made = world();
    await made.store.put(keys.state(TARGET.name), JSON.stringify(records.state));
    await made.store.put(keys.queue(TARGET.name), JSON.stringify(records.queue));
    await made.store.put(keys.state(second.name), JSON.stringify(state()));
    const found = await overview(null, made);
    expect(statusSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
    expect(found.targets.map(({ target, verdict }) => [target, verdict])).toEqual([
      ['prod/network', 'unknown'],
      ['prod/shop', 'in-sync'],
    ]);
    expect(found.targets[0]).toMatchObject({
      reason: `what is known of it cannot be read: the record is damaged, ${where} is no date`,
      ...{ lastRun: null, age: null, since: null, running: null, findings: 0 },
    });
    expect(made.warnings).toHaveLength(1);
  });

  test('what is too large is not read', async () => {
    const made = world();
    const read = async (key: string) => {
      throw new ObjectTooLarge(`${key} has 9000000000 bytes`);
    };
    const found = await overview(['prod/shop'], { ...made, store: { read } });
    expect(found.targets[0]).toMatchObject({ verdict: 'unknown', reason: expect.stringContaining('9000000000 bytes') });
  });

  test('few are looked at side by side, however many there are', async () => {
    const made = world();
    const targets = Array.from({ length: 500 }, (_, index) => ({ ...TARGET, name: `prod/t${index}` }));
    let [now, most, reads] = [0, 0, 0];
    const read = async () => {
      now += 1;
      reads += 1;
      most = Math.max(most, now);
      await new Promise((done) => setImmediate(done));
      now -= 1;
      return null;
    };
    const found = await overview(null, { ...made, config: { ...made.config, targets }, store: { read } });
    expect([found.targets.length, reads]).toEqual([500, 1000]);
    expect(most).toBeLessThanOrEqual(40);
    expect(most).toBeGreaterThan(10);
  });
});
