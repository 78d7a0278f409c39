import { beforeEach, describe, expect, it } from 'vitest';
import { type BuildWorld, type Layers, NoRun, runBuild } from '#checks/build.ts';
import { keys } from '#drift/names.ts';
import { rerunRequestSchema } from '#drift/rerun.ts';
import { FunctionError } from '#services/ports.ts';
import { MemoryStore, TARGET } from '../runs/world.ts';

const OLD_RUN = '20261124T030000000Z-0123456789abcdef';
const NEW_RUN = '20261124T120000000Z-0123456789abcdef';
const TICKET = 'c0ffee00c0ffee00c0ffee00';
const PERSON = 'AWSReservedSSO_Admin_1/alice@acme.example';

let store: MemoryStore;
let said: string[];
let asked: unknown[];
let answer: () => unknown;
beforeEach(() => {
  store = new MemoryStore();
  said = [];
  asked = [];
  answer = () => ({
    runs: [{ target: TARGET.name, runId: NEW_RUN, sentence: `started run ${NEW_RUN}`, link: 'https://console/report' }],
  });
});

const noLayer = (): Promise<never> => Promise.reject(new Error('nothing is checked'));
const layers: Layers = { terraform: noLayer, nodes: noLayer };
const build = (env: Readonly<Record<string, string>>): Promise<boolean> => runBuild(world(env), layers);

function world(env: Readonly<Record<string, string>>): BuildWorld {
  return {
    env: { TARGET: TARGET.name, CODEBUILD_INITIATOR: PERSON, ...env },
    store,
    functions: {
      ask: async (functionName, payload) => {
        expect(functionName).toBe('plumbline-rerun');
        asked.push(payload);
        return answer();
      },
    },
    secrets: { read: noLayer },
    identity: { userId: async () => 'AROAEXAMPLE:AWSCodeBuild-0002', assume: noLayer },
    signal: new AbortController().signal,
    say: (line) => said.push(line),
    now: () => new Date('2026-11-24T12:00:00.000Z'),
  };
}

describe('a build that a person', () => {
  it.each([
    ['starts with TARGET alone', {}],
    ['starts with an old run and no ticket', { RUN_ID: OLD_RUN }],
    ['retries, whose run was judged and whose ticket is gone', { RUN_ID: OLD_RUN, TICKET }],
  ])('%s asks for a new run in their name, ends with its link, and leaves nothing', async (_, env) => {
    expect(await build(env)).toBe(true);
    expect(asked).toEqual([{ action: 'rerun', target: TARGET.name, via: 'build', actor: PERSON }]);
    expect(rerunRequestSchema.safeParse(asked[0]).success).toBe(true);
    expect(said.at(-1)).toBe(`started run ${NEW_RUN}\nhttps://console/report`);
    expect(store.objects.size).toBe(0);
  });

  it('starts where CodeBuild names nobody asks all the same', async () => {
    expect(await build({ CODEBUILD_INITIATOR: '' })).toBe(true);
    expect(asked).toEqual([{ action: 'rerun', target: TARGET.name, via: 'build' }]);
  });

  it('starts for what may not be checked fails, and says why', async () => {
    answer = () => ({ runs: [{ target: TARGET.name, runId: null, sentence: 'prod/network is paused', link: null }] });
    expect(await build({})).toBe(false);
    expect(said.at(-1)).toBe('prod/network is paused');
    answer = () => {
      throw new FunctionError('there is no function plumbline-rerun: is the service deployed?');
    };
    expect(await build({})).toBe(false);
    expect(said.at(-1)).toMatch(/^there is no function plumbline-rerun/);
  });

  it('starts without TARGET is told what to set', async () => {
    await expect(build({ TARGET: '' })).rejects.toThrow(NoRun);
    await expect(build({ TARGET: '' })).rejects.toThrow(/set the environment variable TARGET to what is to be checked/);
    expect(asked).toEqual([]);
  });
});

describe('a build of the service', () => {
  it('that came so late that its run is over asks for no other, which would come as late', async () => {
    const env = { RUN_ID: OLD_RUN, TICKET, CODEBUILD_INITIATOR: 'Plumbline-DispatchRole-1/plumbline-dispatch' };
    expect(await build(env)).toBe(false);
    expect(asked).toEqual([]);
    expect(store.objects.get(keys.inbox('AROAEXAMPLE', '0002'))?.text).toContain('the ticket of this build is gone');
  });
});
