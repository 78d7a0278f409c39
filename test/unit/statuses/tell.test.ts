import { beforeEach, describe, expect, it } from 'vitest';
import { type TellWorld, tellStatus } from '#checks/statuses/tell.ts';
import { keys, METRICS } from '#drift/names.ts';
import type { Run } from '#drift/run.ts';
import type { StatusRequest } from '#drift/statuses/request.ts';
import type { Source } from '#drift/target.ts';
import { SecretError, StatusRefused } from '#services/ports.ts';
import { COMMIT, MemoryStore, report, TARGET } from '../runs/world.ts';

const SOURCE: Source = {
  ...{ name: 'infra', url: 'https://github.com/acme/infra.git', ref: 'main' },
  statuses: { secret: 'git/statuses' },
};
const RUN_ID = '20261124T030000000Z-0123456789abcdef';
const RUN: Run = {
  ...{ schema: 'plumbline.run/1', runId: RUN_ID, target: TARGET.name, layer: 'terraform', trigger: 'push' },
  by: { host: 'github', delivery: 'f2467dea-70d6-11e8-8955-3c83993e0aef', author: 'alice' },
  ...{ commit: COMMIT, requestedAt: '2026-11-24T03:00:00.000Z', deadline: '2026-11-24T04:00:00.000Z' },
  config: { hash: 'c'.repeat(64), commit: null },
};
const ASKED = { target: TARGET.name, runId: RUN_ID };

let store: MemoryStore;
let sent: StatusRequest[];
let counted: string[];
let logged: string[];
let world: TellWorld;
beforeEach(async () => {
  [sent, counted, logged] = [[], [], []];
  store = new MemoryStore();
  await store.put(keys.run(TARGET.name, RUN_ID), JSON.stringify(RUN));
  const write = (message: string, attributes: object): void =>
    void logged.push(JSON.stringify({ message, ...attributes }));
  world = {
    config: { targets: [{ ...TARGET, source: SOURCE }] },
    store,
    secrets: { read: async () => 'the-token\n' },
    statuses: { send: async (request) => void sent.push(request) },
    metrics: { publish: async (data) => void counted.push(...data.map(({ name }) => name)) },
    ...{ bucket: 'results', region: 'eu-west-1', now: () => new Date('2026-11-24T03:00:30Z') },
    log: { info: write, warn: write, error: write },
  };
});
const judge = () => store.put(keys.report(TARGET.name, RUN_ID), JSON.stringify(report(RUN_ID)));
const states = (): unknown[] => sent.map(({ body }) => (JSON.parse(body) as { state: string }).state);

describe('the status of a pushed commit', () => {
  it('is pending, then what the verdict is, with the link of its page', async () => {
    await tellStatus(ASKED, world);
    await judge();
    await tellStatus(ASKED, world);
    expect(states()).toEqual(['pending', 'success']);
    expect(sent[0]?.url).toBe(`https://api.github.com/repos/acme/infra/statuses/${COMMIT}`);
    expect(sent[0]?.headers['Authorization']).toBe('Bearer the-token');
    expect(sent[1]?.body).toContain(
      'console.aws.amazon.com/s3/object/results?region=eu-west-1&prefix=state/prod/network.html',
    );
    expect(counted).toEqual([]);
    expect(logged.join()).not.toContain('the-token');
  });

  it('is what it now is, however late it is told', async () => {
    await judge();
    await tellStatus(ASKED, world);
    expect(states()).toEqual(['success']);
  });

  it('does not stay pending when it is judged while that is being told', async () => {
    const send = async (request: StatusRequest): Promise<void> => {
      sent.push(request);
      await judge();
    };
    await tellStatus(ASKED, { ...world, statuses: { send } });
    expect(states()).toEqual(['pending', 'success']);
  });

  it('that the host refuses is counted and logged, and is no failure', async () => {
    const refusals = [new StatusRefused('api.github.com answered 401'), new SecretError('there is no secret')];
    for (const error of refusals) {
      expect(await tellStatus(ASKED, { ...world, statuses: { send: () => Promise.reject(error) } })).toContain(
        error.message,
      );
    }
    const elsewhere = { ...SOURCE, url: 'https://github.com/infra' };
    const misplaced = { ...world, config: { targets: [{ ...TARGET, source: elsewhere }] } };
    expect(await tellStatus(ASKED, misplaced)).toMatch(/is no repository of github/);
    expect(counted).toEqual(Array(3).fill(METRICS.statusRefused));
    expect(logged.filter((line) => line.includes('commit status refused'))).toHaveLength(3);
  });

  it('that may be taken later is tried again by whoever asked', async () => {
    const send = () => Promise.reject(new Error('api.github.com answered 502'));
    await expect(tellStatus(ASKED, { ...world, statuses: { send } })).rejects.toThrow('502');
    expect(counted).toEqual([]);
  });

  it.each([
    ['of a run that nobody pushed', { by: { actor: 'arn:aws:iam::1:user/alice' } }],
    ['of a run without a commit', { commit: null }],
  ])('there is none %s', async (_what, more) => {
    await store.put(keys.run(TARGET.name, RUN_ID), JSON.stringify({ ...RUN, ...more }));
    expect(await tellStatus(ASKED, world)).toMatch(/is of no pushed commit/);
    expect(sent).toEqual([]);
  });

  it('there is none where the source does not want it, or the target is gone', async () => {
    const { statuses: _statuses, ...silent } = SOURCE;
    const world2 = { ...world, config: { targets: [{ ...TARGET, source: silent }] } };
    expect(await tellStatus(ASKED, world2)).toMatch(/no source whose commits/);
    expect(await tellStatus(ASKED, { ...world, config: { targets: [] } })).toMatch(/no source whose commits/);
    expect(sent).toEqual([]);
  });
});
