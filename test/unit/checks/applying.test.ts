import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookWhileCalm, type Pace, watchState } from '#checks/terraform/applying.ts';
import { StepFailure } from '#checks/terraform/failure.ts';
import { type S3StatePlace, StateHidden, type StateView, type StateWatch } from '#services/ports.ts';
import { writerOf } from '#services/state/lock.ts';

const CALM: StateView = { writer: null, version: 'v1' };
const WRITER = { who: 'alice@laptop', since: '2026-11-24T03:00:00.000Z' };
const HELD: StateView = { writer: WRITER, version: 'v1' };

/** A state that looks like this, one after the other; the last one stays. */
function watching(...views: readonly StateView[]): StateWatch & { looked: number } {
  const watch = {
    looked: 0,
    look: async () => {
      const view = views[Math.min(watch.looked, views.length - 1)] ?? CALM;
      watch.looked += 1;
      return view;
    },
  };
  return watch;
}
function pace(over: Partial<Pace> = {}): Pace & { readonly said: string[] } {
  const said: string[] = [];
  const signal = new AbortController().signal;
  return { signal, left: () => 10_000, patience: 0.5, pollMs: 1, progress: (step) => said.push(step), said, ...over };
}
const looks = () => {
  const made = { count: 0 };
  const look = async (): Promise<void> => {
    made.count += 1;
  };
  return { made, look };
};

describe('looking while nobody applies', () => {
  it('looks once when nothing moves', async () => {
    const { made, look } = looks();
    await lookWhileCalm(watching(CALM), pace(), look);
    expect(made.count).toBe(1);
  });

  it('waits for a lock to go, and says for whom', async () => {
    const { made, look } = looks();
    const slow = pace();
    await lookWhileCalm(watching(HELD, HELD, CALM), slow, look);
    expect(made.count).toBe(1);
    expect(slow.said).toEqual(Array(2).fill('being applied since 2026-11-24T03:00:00.000Z by alice@laptop, waiting'));
  });

  it.each([
    ['a lock that came during the look', [CALM, HELD, CALM]],
    ['a state that was written during the look', [CALM, { writer: null, version: 'v2' }]],
    ['a state that came to be during the look', [{ writer: null, version: null }, CALM]],
  ] as const)('looks again after %s', async (_name, views) => {
    const { made, look } = looks();
    await lookWhileCalm(watching(...views), pace(), look);
    expect(made.count).toBe(2);
  });

  it('does not believe an error that came while somebody applied', async () => {
    let count = 0;
    await lookWhileCalm(watching(CALM, HELD, CALM), pace(), async () => {
      count += 1;
      if (count === 1) throw new StepFailure('plan', 'half a state');
    });
    expect(count).toBe(2);
    const failing = lookWhileCalm(watching(CALM), pace(), () => Promise.reject(new StepFailure('plan', 'no rights')));
    await expect(failing).rejects.toThrow('no rights');
  });

  it('gives up in time, and says since when and by whom', async () => {
    const { made, look } = looks();
    const given = lookWhileCalm(watching(HELD), pace({ left: () => 20 }), look);
    await expect(given).rejects.toThrow(/^being applied since 2026-11-24T03:00:00.000Z by alice@laptop: /);
    expect(made.count).toBe(0);
    const moving: StateWatch = { look: async () => ({ writer: null, version: String(Math.random()) }) };
    await expect(lookWhileCalm(moving, pace({ left: () => 20 }), look)).rejects.toThrow(/^being applied now and again/);
  });

  it('believes nothing when the state cannot be looked at any more', async () => {
    let looked = 0;
    const lost: StateWatch = {
      look: async () => {
        looked += 1;
        if (looked > 1) throw new StateHidden('s3://b/k cannot be looked at (AccessDenied)');
        return CALM;
      },
    };
    await expect(lookWhileCalm(lost, pace(), looks().look)).rejects.toThrow(/not known whether somebody applies/);
  });

  it('stops at once when it is stopped', async () => {
    const stop = new AbortController();
    const waiting = lookWhileCalm(watching(HELD), pace({ signal: stop.signal, pollMs: 60_000 }), looks().look);
    setTimeout(() => stop.abort(), 5);
    await expect(waiting).rejects.toThrow(/^stopped in waiting for an apply/);
  });
});

describe('who writes', () => {
  const lock = (over: object) => JSON.stringify({ ID: 'x', Operation: 'OperationTypeApply', Who: 'a@b', ...over });
  it('is what the lock says', () => {
    expect(writerOf(lock({ Created: '2026-11-24T03:00:00.5Z' }))).toEqual({
      who: 'a@b',
      since: '2026-11-24T03:00:00.500Z',
    });
  });
  it('is nobody when it is only a plan', () => {
    expect(writerOf(lock({ Operation: 'OperationTypePlan' }))).toBe(null);
  });
  it.each(['', '{', '[]', '{"Who":7}', '\0'])('is somebody when the lock says nothing: %j', (text) => {
    expect(writerOf(text)?.who).toBe('somebody');
  });
});

describe('the state of a backend', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'plumbline-state-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function watched(backend: object | null, workspace = 'default', openS3?: (place: S3StatePlace) => StateWatch) {
    if (backend !== null)
      writeFileSync(path.join(folder, 'terraform.tfstate'), JSON.stringify({ version: 3, backend }));
    const none = (): StateWatch => {
      throw new Error('no bucket is expected');
    };
    const request = { data: folder, module: path.join(folder, 'module'), workspace, environment: {} };
    return watchState({ ...request, openS3: openS3 ?? none });
  }

  it.each([
    ['default', 'prod/network.tfstate'],
    ['blue', 'spaces/blue/prod/network.tfstate'],
  ])('s3, workspace %s: the object that terraform uses', async (workspace, key) => {
    const asked: S3StatePlace[] = [];
    const config = {
      bucket: 'states',
      key: 'prod/network.tfstate',
      region: 'eu-west-1',
      workspace_key_prefix: 'spaces',
    };
    await watched({ type: 's3', config }, workspace, (place) => {
      asked.push(place);
      return watching(CALM);
    });
    expect(asked).toMatchObject([{ bucket: 'states', key, region: 'eu-west-1' }]);
  });

  it.each([
    [{ type: 'gcs', config: {} }, /backend "gcs" are not looked at/],
    [{ type: 's3', config: { bucket: 'b', key: 'k', profile: 'p' } }, /credentials of its own \(profile\)/],
    [{ type: 's3', config: {} }, /names no bucket and key/],
  ])('%j is not watched, and it says why', async (backend, why) => {
    expect(await watched(backend)).toEqual({ state: null, hidden: expect.stringMatching(why) });
  });

  const hidden: StateWatch = {
    look: () => Promise.reject(new StateHidden('s3://b/k cannot be looked at (AccessDenied)')),
  };

  it('is not watched when it may not be looked at', async () => {
    const found = await watched({ type: 's3', config: { bucket: 'b', key: 'k' } }, 'default', () => hidden);
    expect(found).toEqual({ state: null, hidden: expect.stringMatching(/AccessDenied/) });
  });

  it('is watched without its lock when only the table of locks is hidden, and says so', async () => {
    const config = { bucket: 'b', key: 'k', dynamodb_table: 'locks' };
    const bare = watching(CALM);
    const found = await watched({ type: 's3', config }, 'default', ({ lockTable }) =>
      lockTable === undefined ? bare : hidden,
    );
    expect(found).toEqual({ state: bare, hidden: expect.stringMatching(/AccessDenied/) });
  });
});
