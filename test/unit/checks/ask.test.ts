import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DELIVERY_SECONDS } from '#checks/nodes/ask.ts';
import { REAL_CLOCK } from '#checks/nodes/follow.ts';
import { NotReady } from '#checks/not-ready.ts';
import { judgeLooks, lookAtStream } from '#drift/nodes/judge.ts';
import { FleetError, ObjectHidden } from '#services/ports.ts';
import { streamOf } from '#test/bench/nodes/streams.ts';
import { answerTo, type Told, World } from './ask-world.ts';

const idsOf = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `i-${at}`);
const good = (text: string, more: Told = {}): Told => ({ output: answerTo(text), ...more });

describe('what is sent', () => {
  test('is our document, to the nodes that are asked, with the run in its comment', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b'), 'b');
    await world.ask();
    expect(world.sent).toEqual([
      {
        ...{ document: 'plumbline-nodes', nodes: ['i-1', 'i-2'], select: { tags: { Role: ['minion'] } } },
        ...{ parameters: { RunId: 'r' }, concurrency: '50', deliverySeconds: DELIVERY_SECONDS, comment: 'plumbline r' },
      },
    ]);
  });

  test.each([
    ['50', 50, DELIVERY_SECONDS],
    ['100%', 60, DELIVERY_SECONDS],
    ['50', 51, 580],
    ['10%', 3, 580],
  ])('has time to be delivered: %s at a time of %d', async (concurrency, count, seconds) => {
    const world = new World();
    for (const id of idsOf(count)) world.node(id, good('a'), 'a');
    await world.ask(undefined, { concurrency });
    expect(world.sent[0]?.deliverySeconds).toBe(seconds);
  });

  test('is nothing when nobody can be asked', async () => {
    const world = new World();
    expect(await world.ask([])).toEqual({ unreached: [] });
    expect(world.sent).toEqual([]);
  });

  test('is nothing when there is no time, or the build is stopped', async () => {
    const late = new World().node('i-1', good('a'), 'a');
    late.limitMs = 0;
    await expect(late.ask()).rejects.toThrow("no time was left to ask the nodes: raise the target's timeout");
    const stopped = new World().node('i-1', good('a'), 'a');
    stopped.controller.abort();
    await expect(stopped.ask()).rejects.toThrow('stopped in asking the nodes, before the check was complete');
    expect([...late.sent, ...stopped.sent]).toEqual([]);
  });
});

describe('a stream', () => {
  test('is handed over once, by the name of its node, with the end of ansible-playbook', async () => {
    const output = answerTo('text', { exit: 2, hint: 'a role is missing' });
    const world = new World().node('i-1', { output }, 'text');
    expect(await world.ask()).toEqual({ unreached: [] });
    expect(world.taken).toEqual([
      { node: 'name-of-i-1', text: 'text', exitCode: 2, hint: 'a role is missing', left: null },
    ]);
    expect(world.cancelled).toEqual([]);
  });

  test.each([
    ['is not there', undefined, /^its stream is not where the node says that it put it: check again$/],
    [
      'is another one of the same size',
      'tixt',
      /^another stream lies where .* not believed: its SHA-256 is not the node's$/,
    ],
    ['is shorter', 'tex', /another stream lies where .*: it has 3 bytes in place of 4$/],
    ['is empty', '', /it has 0 bytes in place of 4$/],
    ['is longer, and is not read', 'text and more', /another stream lies where .*: it is larger than the node's$/],
    ['has other bytes that look alike', 'te\ufffdt', /another stream lies where/],
  ])('that %s is no stream of its node', async (_, stream, reason) => {
    const world = new World().node('i-1', good('text'), stream);
    expect((await world.ask()).unreached).toEqual([{ node: 'name-of-i-1', reason: expect.stringMatching(reason) }]);
    expect(world.taken).toEqual([]);
  });

  test.each([
    [new ObjectHidden('403'), /not where the node says/],
    [
      Object.assign(new Error('secret address'), { name: 'SlowDown' }),
      /^its stream could not be read \(SlowDown\): check again$/,
    ],
  ])('that S3 does not give is a reason for its node alone', async (error, reason) => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b'), 'b');
    world.faults.read = (key) => (key === 'inbox/i-1.jsonl' ? error : undefined);
    expect((await world.ask()).unreached).toEqual([{ node: 'name-of-i-1', reason: expect.stringMatching(reason) }]);
    expect(world.texts).toEqual({ 'name-of-i-2': 'b' });
  });

  test('that is never answered is left behind when the time is over', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b'), 'b');
    world.limitMs = 1_500;
    world.hanging.add('i-1');
    expect((await world.ask()).unreached).toEqual([
      { node: 'name-of-i-1', reason: "no time was left to read its stream: raise the target's timeout" },
    ]);
    expect(world.texts).toEqual({ 'name-of-i-2': 'b' });
  });

  test('is not even asked for when the time is over', async () => {
    const world = new World().node('i-1', good('a'), 'a');
    world.limitMs = 1_500;
    const outcomes = world.commands.outcomes.bind(world.commands);
    const slow = {
      ...world.commands,
      outcomes: async function* (ids: readonly string[]) {
        yield* outcomes(ids);
        world.time += 10_000;
      },
    };
    Object.assign(world, { commands: slow });
    world.faults.read = () => new Error('it was asked for');
    expect((await world.ask()).unreached[0]?.reason).toMatch(/^no time was left to read its stream/);
  });

  test('is read beside at most 31 others', async () => {
    const world = new World();
    for (const id of idsOf(200)) world.node(id, good('a'), 'a');
    await world.ask();
    expect(world.taken).toHaveLength(200);
    expect(world.reading.most).toBe(32);
  });

  test('that is large is read beside few others: what is read at once is bounded', async () => {
    const world = new World();
    const size = 20 * 1024 * 1024;
    for (const id of idsOf(20)) world.node(id, { output: answerTo('a', { size }) }, 'a');
    world.node('i-huge', { output: answerTo('a', { size: 32 * 1024 * 1024 + 1 }) }, 'a');
    const { unreached } = await world.ask();
    expect(unreached).toHaveLength(21);
    expect(world.reading.mostBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(world.reading.most).toBe(3);
  });
});

describe('nodes without a stream', () => {
  test('each have their own reason, and the others are judged', async () => {
    const world = new World()
      .node('i-good', good('a'), 'a')
      .node('i-full', { details: 'Failed', output: answerTo('', { sha256: null, problem: 'the disk is full' }) })
      .node('i-gone', { details: 'Undeliverable' })
      .node('i-odd', { output: 'nothing of ours' });
    const { unreached } = await world.ask(['i-good', 'i-full', 'i-gone', 'i-odd']);
    expect(Object.fromEntries(unreached.map(({ node, reason }) => [node, reason]))).toEqual({
      'name-of-i-full': 'the disk is full',
      'name-of-i-gone': expect.stringMatching(/could not deliver/),
      'name-of-i-odd': expect.stringMatching(/without a word that can be trusted/),
    });
    expect(world.texts).toEqual({ 'name-of-i-good': 'a' });
  });

  test('are silent when SSM has no word of them', async () => {
    const world = new World().node('i-1', good('a'), 'a');
    expect(await world.ask(['i-1', 'i-2'])).toEqual({
      unreached: [{ node: 'name-of-i-2', reason: expect.stringMatching(/^SSM has no word/) }],
    });
    // SSM says that it asked one: the list is complete.
    expect(world.calls.outcomes).toBe(1);
  });

  test('are all silent when SSM found nobody to ask', async () => {
    const world = new World();
    world.ended = { total: 0 };
    expect((await world.ask(['i-1', 'i-2'])).unreached).toHaveLength(2);
  });

  test('whom nobody asked are nobody, whatever they say', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-9', good('b'), 'b');
    expect(await world.ask(['i-1'])).toEqual({ unreached: [] });
    expect(world.texts).toEqual({ 'name-of-i-1': 'a' });
  });
});

describe('waiting', () => {
  test('ends about a second after a few nodes have ended', async () => {
    const world = new World().node('i-1', good('a', { afterMs: 20_000 }), 'a').node('i-2', good('b'), 'b');
    await world.ask();
    expect(world.time).toBeLessThanOrEqual(21_000);
    expect(world.calls.outcomes).toBe(1);
    expect(world.said).toContain('asking the nodes: 1 of 2 have ended');
    expect(world.said.at(-1)).toBe('asking the nodes: reading 2 streams');
  });

  test('of a thousand nodes takes 20 calls, and one list at the end', async () => {
    const world = new World();
    world.limitMs = 3_600_000;
    for (const [at, id] of idsOf(1000).entries()) world.node(id, good('a', { afterMs: 30_000 + at * 900 }), 'a');
    expect(await world.ask()).toEqual({ unreached: [] });
    expect(world.taken).toHaveLength(1000);
    expect(world.sent.length + world.calls.progress + world.cancelled.length).toBeLessThanOrEqual(20);
    expect(world.calls.outcomes).toBe(1);
    expect(world.time).toBeLessThan(1_100_000);
  });

  test('does not end by nodes that nobody asked, nor for them', async () => {
    const world = new World()
      .node('i-1', good('a', { afterMs: 10_000 }), 'a')
      .node('i-young', {})
      .node('i-off', {
        ...{ afterMs: 500_000, before: 'Pending' },
      });
    expect(await world.ask(['i-1'])).toEqual({ unreached: [] });
    expect(world.texts).toEqual({ 'name-of-i-1': 'a' });
    expect(world.time).toBeLessThan(12_000);
    // The offline one would do it later, when nobody wants to know.
    expect(world.cancelled).toEqual(['c-1']);
  });

  test('lists what nodes came to only when it may be all: twice where others have ended before', async () => {
    const world = new World();
    for (const id of ['i-7', 'i-8', 'i-9']) world.node(id, {});
    for (const [at, id] of idsOf(3).entries()) world.node(id, good('a', { afterMs: (at + 1) * 10_000 }), 'a');
    expect(await world.ask(idsOf(3))).toEqual({ unreached: [] });
    expect(world.taken).toHaveLength(3);
    expect(world.calls.outcomes).toBe(2);
  });

  test('takes the last word of a node, wherever in the list it stands', async () => {
    const world = new World().node('i-1', good('a'), 'a');
    const { outcomes } = world.commands;
    const waiting = { node: 'i-1', status: 'InProgress', details: 'InProgress', output: '' };
    const twice = {
      ...world.commands,
      outcomes: async function* (ids: readonly string[]) {
        yield waiting;
        yield* outcomes(ids);
        yield waiting;
      },
    };
    Object.assign(world, { commands: twice });
    expect(await world.ask()).toEqual({ unreached: [] });
  });

  test('asks again for a node that is not listed yet, although another one is whom nobody asked', async () => {
    const world = new World().node('i-1', good('a', { listedAfterMs: 1_500 }), 'a').node('i-9', {});
    expect(await world.ask(['i-1'])).toEqual({ unreached: [] });
  });

  test('asks again while the list is behind the command', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b', { listedAfterMs: 2_500 }), 'b');
    expect(await world.ask()).toEqual({ unreached: [] });
    expect(world.calls.outcomes).toBe(3);
  });

  test('asks no more than three times again', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b', { listedAfterMs: 1e9 }), 'b');
    expect((await world.ask()).unreached).toHaveLength(1);
    expect(world.calls.outcomes).toBe(4);
  });

  test('gives a node up that SSM takes for alive and that does not begin', async () => {
    const world = new World()
      .node('i-1', good('a', { afterMs: 30_000 }), 'a')
      .node('i-dead', { afterMs: 1e9, before: 'Pending' });
    expect((await world.ask()).unreached).toEqual([
      { node: 'name-of-i-dead', reason: expect.stringMatching(/did not begin on it in time/) },
    ]);
    expect(world.time).toBeLessThan(30_000 + DELIVERY_SECONDS * 1000 + 10_000);
    expect(world.cancelled).toEqual(['c-1']);
  });

  test('does not give a node up that is at work, nor one that waits for its turn', async () => {
    const world = new World()
      .node('i-slow', good('a', { afterMs: 400_000 }), 'a')
      .node('i-next', good('b', { afterMs: 450_000, before: 'Pending' }), 'b');
    expect(await world.ask(undefined, { concurrency: '1' })).toEqual({ unreached: [] });
    expect(world.taken).toHaveLength(2);
    // Once while nothing seemed to happen, once at the end.
    expect(world.calls.outcomes).toBe(2);
  });

  test('ends when the time is over: what is there counts, the rest is cancelled', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b', { afterMs: 1e9 }), 'b');
    expect((await world.ask()).unreached).toEqual([
      { node: 'name-of-i-2', reason: expect.stringMatching(/had not ended when the check had no time left/) },
    ]);
    expect(world.texts).toEqual({ 'name-of-i-1': 'a' });
    expect(world.cancelled).toEqual(['c-1']);
    // Some of it is kept for the streams.
    expect(world.time).toBeLessThanOrEqual(580_000);
  });

  test('ends when the build is stopped, even while AWS does not answer: commands are cancelled', async () => {
    const world = new World().node('i-1', good('a', { afterMs: 1e9 }), 'a');
    const hanging = { ...world.commands, progress: () => new Promise<never>(() => world.controller.abort()) };
    Object.assign(world, { commands: hanging });
    await expect(world.ask()).rejects.toThrow(NotReady);
    expect(world.cancelled).toEqual(['c-1']);
    expect(world.calls.outcomes).toBe(0);
  });

  test.each(['progress', 'outcomes'] as const)('ends when AWS refuses %s: commands are cancelled', async (act) => {
    const world = new World().node('i-1', good('a', { afterMs: 1e9 }), 'a');
    world.limitMs = act === 'outcomes' ? 5_000 : world.limitMs;
    world.faults[act] = () => new FleetError('AWS refuses');
    await expect(world.ask()).rejects.toThrow('AWS refuses');
    expect(world.cancelled).toEqual(['c-1']);
  });

  test('that AWS refuses to begin has nothing to cancel', async () => {
    const world = new World().node('i-1', good('a'), 'a');
    world.faults.send = () => new FleetError('AWS refuses');
    await expect(world.ask()).rejects.toThrow('AWS refuses');
    expect(world.cancelled).toEqual([]);
  });

  test('says when a command cannot be cancelled, and goes on', async () => {
    const world = new World().node('i-1', good('a'), 'a').node('i-2', good('b', { afterMs: 1e9 }), 'b');
    world.faults.cancel = () => new FleetError('AWS refuses');
    expect((await world.ask()).unreached).toHaveLength(1);
    expect(world.said).toContain(
      'asking the nodes: the commands could not be cancelled (AWS refuses); their own time limit ends them',
    );
  });
});

describe('the real clock', () => {
  test('waits, and no longer than until the build is stopped', async () => {
    const begin = REAL_CLOCK.now();
    await REAL_CLOCK.sleep(20, new AbortController().signal);
    expect(REAL_CLOCK.now() - begin).toBeGreaterThanOrEqual(19);
    await REAL_CLOCK.sleep(60_000, AbortSignal.timeout(10));
    await REAL_CLOCK.sleep(60_000, AbortSignal.abort());
    expect(REAL_CLOCK.now() - begin).toBeLessThan(30_000);
  });
});

describe('whatever a node that is not ours any more does', () => {
  const TASKS = 3;
  const streams = Object.fromEntries(idsOf(4).map((id) => [id, streamOf(id, TASKS, id === 'i-2')]));
  const evil = 'i-3';
  /** All that it has: its own output and status, its own upload, and the links of all others, to be used before them. */
  const attack = fc.record({
    details: fc.constantFrom('Success', 'Failed', 'InProgress', 'Cancelled', 'Exploded'),
    output: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.constantFrom(...Object.values(streams)).map((text) => answerTo(text)),
      fc.constantFrom('').map((text) => answerTo(text)),
      fc.record({ size: fc.integer(), exit: fc.integer() }).map((more) => answerTo('x', more)),
    ),
    own: fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.values(streams)),
      fc.constant(streamOf('name-of-i-0', 1, false)),
    ),
    over: fc.dictionary(
      fc.constantFrom(...idsOf(3)),
      fc.oneof(fc.string(), fc.constantFrom(...Object.values(streams))),
      { maxKeys: 3 },
    ),
  });

  test('others are judged by their own streams or not at all, and it speaks for itself alone', async () => {
    await fc.assert(
      fc.asyncProperty(attack, async ({ details, output, own, over }) => {
        const world = new World();
        world.limitMs = 30_000;
        for (const [id, text] of Object.entries(streams)) {
          world.node(id, id === evil ? { details, output } : good(text), id === evil ? own : (over[id] ?? text));
        }
        const { unreached } = await world.ask();
        const names = idsOf(4).map((id) => `name-of-${id}`);
        expect([...unreached, ...world.taken].map(({ node }) => node).toSorted()).toEqual(names);
        for (const id of idsOf(3)) {
          const text = world.texts[`name-of-${id}`];
          // Untouched, or unreached where something else lay in its place.
          if (over[id] === undefined || over[id] === streams[id]) expect(text).toBe(streams[id]);
          else expect(text).toBeUndefined();
        }
        const looks = world.taken.map(({ node, text, exitCode, hint }) =>
          lookAtStream({ name: node, node, text, exitCode, hint }, { fingerprintKey: 'k', nodes: 4 }),
        );
        const judged = judgeLooks({ looks, unreached }, { target: 't/n', severity: 'critical', minCoverage: 1 });
        for (const { node, verdict, compared } of judged.nodes) {
          const id = idsOf(3).find((candidate) => node === `name-of-${candidate}`);
          if (id === undefined) expect(node.startsWith(`name-of-${evil}`)).toBe(true);
          else
            expect({ verdict, compared }).toEqual({ verdict: id === 'i-2' ? 'drifted' : 'in-sync', compared: TASKS });
        }
        if (unreached.length > 0) expect(judged.verdict).not.toBe('in-sync');
      }),
      { numRuns: 300 },
    );
  });
});
