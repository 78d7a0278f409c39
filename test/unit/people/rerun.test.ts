import { beforeEach, describe, expect, it } from 'vitest';
import { type RerunWorld, rerun } from '#checks/people/rerun.ts';
import { startRequestSchema } from '#checks/runs/start.ts';
import { keys } from '#drift/names.ts';
import { rerunRequestSchema } from '#drift/rerun.ts';
import { newState } from '#drift/state/state.ts';
import type { Target } from '#drift/target.ts';
import { FunctionError } from '#services/ports.ts';
import { FLEET, MemoryStore, SHOP, TARGET } from '../runs/world.ts';

const NOW = new Date('2026-11-24T12:00:00.000Z');
const RUN_ID = '20261124T120000000Z-0123456789abcdef';
const COMMIT = 'b'.repeat(40);

let store: MemoryStore;
let asked: unknown[];
let answer: (target: string) => unknown;
let logged: string[];
beforeEach(() => {
  store = new MemoryStore();
  asked = [];
  logged = [];
  answer = () => ({ runId: RUN_ID, sentence: `started run ${RUN_ID}` });
});

function world(targets: readonly Target[] = [TARGET, SHOP, FLEET]): RerunWorld {
  let serial = 0;
  return {
    config: { targets },
    store,
    functions: {
      ask: async (functionName, payload) => {
        expect(functionName).toBe('dispatch');
        asked.push(payload);
        return answer(startRequestSchema.parse(payload).target);
      },
    },
    dispatchFunction: 'dispatch',
    linkTo: (key) => `https://console/${key}`,
    now: () => NOW,
    random: () => {
      serial += 1;
      return `seed-${serial}`;
    },
    msLeft: () => 240_000,
    log: {
      info: (_, about) => void logged.push(JSON.stringify(about)),
      warn: (_, about) => void logged.push(JSON.stringify(about)),
      error: (_, about) => void logged.push(JSON.stringify(about)),
    },
  };
}

describe('a person starts', () => {
  it('one check, as a manual one, and who asked is kept', async () => {
    const runs = await rerun({ action: 'rerun', target: TARGET.name, via: 'cli', actor: 'arn:alice' }, world());
    expect(asked).toEqual([
      {
        ...{ target: TARGET.name, trigger: 'manual', at: NOW.toISOString(), seed: 'seed-1' },
        by: { actor: 'arn:alice', via: 'cli' },
      },
    ]);
    expect(runs).toEqual([
      {
        ...{ target: TARGET.name, runId: RUN_ID, sentence: `started run ${RUN_ID}` },
        link: `https://console/${keys.reportPage(TARGET.name, RUN_ID)}`,
      },
    ]);
    expect(logged.join()).toContain('arn:alice');
  });

  it('another commit by handing it on: dispatch decides', async () => {
    await rerun({ action: 'rerun', target: TARGET.name, commit: COMMIT }, world());
    expect(asked).toEqual([expect.objectContaining({ commit: COMMIT })]);
    expect(asked[0]).not.toHaveProperty('by');
  });

  it('several, each once, and each is answered for in the order of the request', async () => {
    const targets = [FLEET.name, TARGET.name, FLEET.name, 'prod/none'];
    answer = (target) =>
      target === FLEET.name ? { runId: null, sentence: 'paused' } : { runId: RUN_ID, sentence: 'joined' };
    const runs = await rerun({ action: 'rerun', targets }, world());
    expect(runs.map(({ target, runId, sentence }) => [target, runId, sentence])).toEqual([
      [FLEET.name, null, 'paused'],
      [TARGET.name, RUN_ID, 'joined'],
      ['prod/none', null, 'there is no target prod/none in the deployed config'],
    ]);
    expect(runs.map(({ link }) => link)).toEqual([
      `https://console/${keys.statePage(FLEET.name)}`,
      `https://console/${keys.reportPage(TARGET.name, RUN_ID)}`,
      null,
    ]);
    expect(asked).toHaveLength(2);
  });

  it('five hundred of them, no more than eight at once', async () => {
    const targets = Array.from({ length: 500 }, (_, index) => ({ ...TARGET, name: `prod/t${index}` }));
    let [now, most] = [0, 0];
    const busy: RerunWorld = {
      ...world(targets),
      functions: {
        ask: async () => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setTimeout(resolve, 1));
          now -= 1;
          return { runId: RUN_ID, sentence: 'started' };
        },
      },
    };
    const runs = await rerun({ action: 'rerun', targets: targets.map(({ name }) => name) }, busy);
    expect([runs.length, most]).toEqual([500, 8]);
  });

  it('as many as there is time for, and is told which have to be asked for again', async () => {
    const targets = Array.from({ length: 500 }, (_, index) => ({ ...TARGET, name: `prod/t${index}` }));
    // Eight at once, and each takes as long as `dispatch` may.
    const slow = { ...world(targets), msLeft: () => 240_000 - Math.floor(asked.length / 8) * 60_000 };
    const runs = await rerun({ action: 'rerun', targets: targets.map(({ name }) => name) }, slow);
    expect([runs.length, asked.length]).toEqual([500, 24]);
    expect(runs.filter(({ runId }) => runId === null)).toHaveLength(476);
    expect(runs.at(-1)?.sentence).toBe('prod/t499 was not asked for, as the others took all the time: ask again');
  });

  it('the others when one cannot be asked for, and is told why', async () => {
    answer = (target) => {
      if (target === SHOP.name) throw new FunctionError('Lambda has no room for dispatch: ask again in a minute');
      if (target === FLEET.name) throw new Error('socket hang up at 10.0.0.1');
      return { runId: RUN_ID, sentence: 'started' };
    };
    const runs = await rerun({ action: 'rerun', targets: [SHOP.name, FLEET.name, TARGET.name] }, world());
    expect(runs.map(({ runId, sentence }) => [runId, sentence])).toEqual([
      [null, 'prod/shop could not be started: Lambda has no room for dispatch: ask again in a minute'],
      [null, 'prod/nodes could not be started: the log of this function tells why'],
      [RUN_ID, 'started'],
    ]);
    expect(logged.join()).toContain('socket hang up');
  });

  it('what is stale, as of now, whether sweep has seen it yet or not; what cannot be read, too', async () => {
    const old = new Date('2026-11-24T03:00:00.000Z');
    const state = (target: Target, startedAt: Date) =>
      store.put(
        keys.state(target.name),
        JSON.stringify({ ...newState(target.name, startedAt), schedule: target.schedule ?? null }),
      );
    const paused = { ...TARGET, name: 'prod/paused', enabled: false };
    await state(TARGET, old);
    await state(SHOP, new Date(NOW.getTime() - 60_000));
    await state(paused, old);
    await store.put(keys.state(FLEET.name), '{ "damaged": ');
    const runs = await rerun({ action: 'rerun', stale: true, via: 'console' }, world([TARGET, SHOP, FLEET, paused]));
    expect(runs.map(({ target }) => target)).toEqual([TARGET.name, FLEET.name]);
    expect(await rerun({ action: 'rerun', stale: true }, world([SHOP]))).toEqual([]);
  });
});

describe('a request', () => {
  const good = { action: 'rerun', target: TARGET.name };
  it.each([
    ['nothing', null],
    ['no action', { target: TARGET.name }],
    ['another action', { ...good, action: 'apply' }],
    ['two kinds of targets', { ...good, targets: [TARGET.name] }],
    ['a trigger, which is not the caller’s', { ...good, trigger: 'schedule' }],
    ['a seed, which is not the caller’s', { ...good, seed: 'x' }],
    ['who asked, in dispatch’s own words', { ...good, by: { delivery: 'x' } }],
    ['no target', { action: 'rerun' }],
    ['an empty list', { action: 'rerun', targets: [] }],
    ['too many targets', { action: 'rerun', targets: Array.from({ length: 501 }, () => 'a/b') }],
    ['a name without end', { ...good, target: 'x'.repeat(201) }],
    ['what is not stale', { action: 'rerun', stale: false }],
    ['half a commit', { ...good, commit: 'b'.repeat(39) }],
    ['a commit in capitals', { ...good, commit: 'B'.repeat(40) }],
    ['a commit that is an option', { ...good, commit: '--upload-pack=touch /tmp/x'.padEnd(40, 'x') }],
    ['an actor without end', { ...good, actor: 'x'.repeat(2049) }],
    ['another way to ask', { ...good, via: 'schedule' }],
  ])('with %s is refused', (_, request) => {
    expect(rerunRequestSchema.safeParse(request).success).toBe(false);
  });

  it('of the dashboard, the runbook, the command line and the console’s test are taken', () => {
    for (const request of [
      { ...good, via: 'console', widgetContext: { dashboardName: 'x' } },
      { ...good, via: 'runbook', actor: 'automation execution 1' },
      { action: 'rerun', targets: ['a/b', 'c/d'], via: 'cli', commit: COMMIT },
      { action: 'rerun', stale: true },
      good,
    ]) {
      expect(rerunRequestSchema.safeParse(request).success).toBe(true);
    }
  });
});
