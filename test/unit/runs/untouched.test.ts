import { beforeEach, describe, expect, it } from 'vitest';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { reasonAgainstPush } from '#checks/runs/untouched.ts';
import { keys } from '#drift/names.ts';
import { changesText } from '#drift/webhook/changes.ts';
import { ChangesUnknown, type GitChanges } from '#services/ports.ts';
import { TARGET, type TestWorld, testWorld } from './world.ts';

const range = { before: 'b'.repeat(40), after: 'd'.repeat(40) };
const REQUEST: StartRequest = {
  ...{ target: TARGET.name, trigger: 'push', at: '2026-11-24T03:00:00.000Z', seed: 'github 1' },
  by: { host: 'github', delivery: '1' },
  push: { ...range, paths: ['terraform/network', 'modules/vpc'] },
};
const SOURCE = { name: 'infra', url: 'https://git.example/infra.git', ref: 'main' };
const KEY = keys.changes(SOURCE.url, range.before, range.after);

let world: TestWorld;
let asked: Parameters<GitChanges['between']>[];
/** A service whose git host answers so. */
function answering(answer: readonly string[] | Error): void {
  asked = [];
  const between: GitChanges['between'] = async (...question) => {
    asked.push(question);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  world = { ...testWorld(), changes: { between } };
}
beforeEach(() => answering(['terraform/network/main.tf']));

describe('a push whose files nobody told', () => {
  it.each([
    ['a file below', ['terraform/network/main.tf']],
    ['a folder that is a file now', ['modules/vpc']],
    ['one of many', ['docs/a.md', 'modules/vpc/a.tf']],
  ])('starts what git says that it touched: %s', async (_what, files) => {
    answering(files);
    expect((await startRun(REQUEST, world)).runId).not.toBeNull();
    expect(asked).toEqual([['github', 'https://git.example/infra.git', expect.objectContaining(range), null]]);
    expect(world.starts).toHaveLength(1);
  });

  it.each([
    ['other files', ['docs/a.md', 'terraform/networks/main.tf', 'modules/vpcs']],
    ['nothing', []],
  ])('starts nothing where git says that it changed %s', async (_what, files) => {
    answering(files);
    expect(await startRun(REQUEST, world)).toEqual({
      runId: null,
      sentence: `nothing that prod/network is made of was changed between ${range.before} and ${range.after}`,
    });
    expect(world.starts).toEqual([]);
    expect([...world.store.objects.keys()]).toEqual([KEY]);
  });

  it.each([
    ['it cannot tell', new ChangesUnknown('the list is cut short')],
    ['it fails', new Error('a mistake of ours')],
    ['it tells too much to be kept', Array.from({ length: 10_000 }, (_, at) => `${'x'.repeat(200)}${at}`)],
  ])('starts everything where %s', async (_what, answer) => {
    answering(answer);
    expect((await startRun(REQUEST, world)).runId).not.toBeNull();
    expect(world.store.json(KEY)).toEqual({ is: 'unknown' });
  });

  it('is asked for once, however many targets the source has', async () => {
    answering(['docs/a.md']);
    const all = await Promise.all(Array.from({ length: 20 }, () => startRun(REQUEST, world)));
    expect(all.map(({ runId }) => runId)).toEqual(Array.from({ length: 20 }, () => null));
    expect(asked).toHaveLength(1);
  });

  it('that one asked for and never got an answer starts everything', async () => {
    await world.store.put(KEY, '{"is":"asking"}');
    const push = { ...range, paths: ['terraform/network'] };
    const of = { host: 'github', source: SOURCE } as const;
    expect(await reasonAgainstPush(TARGET.name, push, of, world, { forMs: 20, pauseMs: 5 })).toBeNull();
    expect(asked).toEqual([]);
    expect(world.store.json(KEY)).toEqual({ is: 'asking' });
  });

  it('is compared with what another target was answered', async () => {
    await world.store.put(KEY, changesText(['docs/a.md']));
    expect((await startRun(REQUEST, world)).runId).toBeNull();
    expect(asked).toEqual([]);
  });

  it('that tells its files is asked about nobody', async () => {
    const { push: _push, ...told } = REQUEST;
    expect((await startRun(told, world)).runId).not.toBeNull();
    expect(asked).toEqual([]);
  });
});
