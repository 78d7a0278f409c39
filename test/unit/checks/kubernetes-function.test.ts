import { describe, expect, test } from 'vitest';
import { DamagedTicket, type FunctionWorld, runFunction } from '#checks/kubernetes/function.ts';
import type { KubernetesCheckRequest } from '#checks/kubernetes/request.ts';
import { keys } from '#drift/names.ts';
import { MAX_REPORT_BYTES, type Report, reportSchema } from '#drift/report.ts';
import type { ClusterAccess } from '#drift/target.ts';
import type { AskedRun, KubernetesTicket } from '#drift/ticket.ts';
import { RoleError } from '#services/aws/identity.ts';
import type { FetchRequest } from '#services/git/fetch.ts';
import { GitError, ObjectHidden, SecretError } from '#services/ports.ts';
import { UploadFailed } from '#services/upload.ts';
import { COMMIT, finding, MemoryStore, report, SHOP } from '../runs/world.ts';

const RUN_ID = '20261124T100000000Z-0123456789abcdef';
const ASKED: AskedRun = { target: SHOP.name, runId: RUN_ID, ticket: 'n0nce-n0nce-n0nce-n0nce' };
const LINK = 'https://results.example/inbox/kubernetes/n0nce?X-Amz-Signature=5161';
const CREDENTIALS = { accessKeyId: 'AKIA', secretAccessKey: 'role-secret', sessionToken: 'role-token' };
const NOW = new Date('2026-11-24T10:00:05.000Z');
const PLENTY = (): number => 900_000;

const ticketOf = (over: Partial<KubernetesTicket> = {}): KubernetesTicket => ({
  schema: 'plumbline.ticket/1',
  run: {
    ...{ schema: 'plumbline.run/1', runId: RUN_ID, target: SHOP.name, layer: 'kubernetes', trigger: 'schedule' },
    ...{ commit: COMMIT, requestedAt: '2026-11-24T10:00:00.000Z', deadline: '2026-11-24T10:30:00.000Z' },
    config: { hash: 'c'.repeat(64), commit: null },
  },
  fingerprintKey: 'f'.repeat(64),
  target: SHOP,
  rules: [{ target: 'prod/*', subject: '*', reason: 'scaled', managers: ['hpa'] }],
  lastInSync: 'b'.repeat(40),
  upload: LINK,
  ...over,
});
const withCluster = (cluster: ClusterAccess): KubernetesTicket =>
  ticketOf({ target: { ...SHOP, environment: { ...SHOP.environment, cluster } } });
const found = (over: Partial<Report> = {}): Report =>
  report(RUN_ID, { target: SHOP.name, layer: 'kubernetes', tool: null, ...over });

interface Seen {
  readonly checks: KubernetesCheckRequest[];
  readonly fetches: FetchRequest[];
  readonly roles: (string | number)[][];
  readonly uploads: { readonly address: string; readonly report: Report }[];
  readonly sent: { readonly functionName: string; readonly payload: unknown }[];
  readonly lines: string[];
}

/** A function's world in which everything goes well but what `over` replaces. */
function functionWorld(ticket: unknown, over: Partial<FunctionWorld> = {}): { world: FunctionWorld; seen: Seen } {
  const seen: Seen = { checks: [], fetches: [], roles: [], uploads: [], sent: [], lines: [] };
  const store = new MemoryStore();
  if (ticket !== null) {
    store.objects.set(keys.ticket(ASKED.ticket), { text: JSON.stringify(ticket), etag: 'v1' });
  }
  const say = (message: string, attributes: object): void => void seen.lines.push(message + JSON.stringify(attributes));
  const world: FunctionWorld = {
    store,
    secrets: { read: async (reference) => `value of ${'secret' in reference ? reference.secret : ''}` },
    identity: {
      assume: async (...asked) => {
        seen.roles.push(asked);
        return CREDENTIALS;
      },
    },
    fetchCommit: async (asked) => {
      seen.fetches.push(asked);
      return { folder: `/tmp/${asked.commit}`, commit: asked.commit };
    },
    check: async (asked) => {
      seen.checks.push(asked);
      asked.progress('listing');
      return found();
    },
    upload: async (address, text) => {
      seen.uploads.push({ address, report: reportSchema.parse(JSON.parse(text)) });
      return true;
    },
    functions: { send: async (functionName, payload) => void seen.sent.push({ functionName, payload }) },
    recordFunction: 'plumbline-record',
    cache: '/tmp/git',
    tools: { path: '/usr/bin', cache: '/tmp/tools' },
    log: { info: say, warn: say, error: say },
    now: () => NOW,
    ...over,
  };
  return { world, seen };
}
const told = (problem: string | null) => [
  {
    functionName: 'plumbline-record',
    payload: { source: 'plumbline', ended: { ...ASKED, build: null, function: { problem }, failure: null } },
  },
];

describe('a run of the function', () => {
  test('checks what its ticket says, hands the report over, and tells record last', async () => {
    const order: string[] = [];
    const { world, seen } = functionWorld(ticketOf());
    const upload: FunctionWorld['upload'] = (...asked) => {
      order.push('upload');
      return world.upload(...asked);
    };
    const send: FunctionWorld['functions']['send'] = (...asked) => {
      order.push('send');
      return world.functions.send(...asked);
    };
    const answer = await runFunction(ASKED, PLENTY, { ...world, upload, functions: { send } });
    expect(answer).toBe(`run ${RUN_ID} is in-sync: 3 of 3 compared`);
    expect(order).toEqual(['upload', 'send']);
    expect(seen.uploads).toEqual([{ address: LINK, report: found() }]);
    expect(seen.sent).toEqual(told(null));
    expect(seen.fetches).toMatchObject([
      { url: SHOP.source?.url, ref: 'main', commit: COMMIT, token: 'value of git-token', cache: '/tmp/git' },
    ]);
    // At least what STS gives; the session's name tells CloudTrail and the cluster which run it was.
    expect(seen.roles).toEqual([['arn:aws:iam::111111111111:role/plumbline-kubernetes', RUN_ID, 900]]);
    const [asked] = seen.checks;
    expect(asked).toMatchObject({
      target: SHOP,
      run: { runId: RUN_ID, commit: COMMIT },
      source: { folder: `/tmp/${COMMIT}` },
      rules: ticketOf().rules,
      credentials: CREDENTIALS,
      kubeconfig: null,
      fingerprintKey: 'f'.repeat(64),
      timeoutMs: 600_000,
    });
    expect(asked?.hidden).toEqual(['f'.repeat(64), LINK, 'value of git-token', 'role-secret', 'role-token']);
  });

  test('has the source of the last in-sync commit at hand, and fetches it only when it is asked for', async () => {
    const { world, seen } = functionWorld(ticketOf());
    await runFunction(ASKED, PLENTY, world);
    expect(seen.fetches).toHaveLength(1);
    expect(await seen.checks[0]?.before?.()).toEqual({ folder: `/tmp/${'b'.repeat(40)}`, commit: 'b'.repeat(40) });
    const never = functionWorld(ticketOf({ lastInSync: null }));
    await runFunction(ASKED, PLENTY, never.world);
    expect(never.seen.checks[0]?.before).toBeNull();
  });

  test('reads a kubeconfig where the cluster has one, and takes no role', async () => {
    const { world, seen } = functionWorld(withCluster({ kubeconfig: { secret: 'kubeconfig' }, context: 'prod' }));
    await runFunction(ASKED, PLENTY, world);
    expect(seen.roles).toEqual([]);
    expect(seen.checks[0]).toMatchObject({ kubeconfig: 'value of kubeconfig', credentials: null });
    expect(seen.checks[0]?.hidden).toContain('value of kubeconfig');
  });

  test('leaves itself the time to hand the report over', async () => {
    const { world, seen } = functionWorld(ticketOf());
    await runFunction(ASKED, () => 200_000, world);
    expect(seen.checks[0]?.timeoutMs).toBe(140_000);
  });

  test('says it when its report was there already, as after an answer that got lost', async () => {
    const { world, seen } = functionWorld(ticketOf(), { upload: async () => false });
    expect(await runFunction(ASKED, PLENTY, world)).toMatch(/its report was there already/);
    expect(seen.sent).toEqual(told(null));
  });

  test('hands over no report that nobody could read back', async () => {
    const many = Array.from({ length: 12 }, (_, index) =>
      finding(`ConfigMap/a/${index}`, { live: 'x'.repeat(800_000) }),
    );
    const { world, seen } = functionWorld(ticketOf(), {
      check: async () => found({ findings: many, verdict: 'drifted' }),
    });
    await runFunction(ASKED, PLENTY, world);
    const [handed] = seen.uploads;
    expect(handed?.report).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(handed?.report.reason).toMatch(/^the report of 12 findings is larger than .*: split the target$/);
    expect(JSON.stringify(handed?.report).length).toBeLessThan(MAX_REPORT_BYTES);
  });
});

describe('what can be explained is the reason of an unknown report', () => {
  const never = async (error: Error): Promise<never> => {
    throw error;
  };
  test.each<[string, KubernetesTicket, Partial<FunctionWorld>, string]>([
    ['git', ticketOf(), { fetchCommit: () => never(new GitError('no such branch')) }, 'no such branch'],
    ['a secret', ticketOf(), { secrets: { read: () => never(new SecretError('no such secret')) } }, 'no such secret'],
    ['the role', ticketOf(), { identity: { assume: () => never(new RoleError('no such role')) } }, 'no such role'],
    [
      'no cluster',
      ticketOf({ target: { ...SHOP, environment: { name: 'prod', severity: 'critical', state: [], locks: [] } } }),
      {},
      'environment prod has no cluster: complete it and deploy',
    ],
    [
      'a file of a person',
      withCluster({ kubeconfig: '~/.kube/config' }),
      {},
      'the service cannot read the file ~/.kube/config of environment prod: name a secret and deploy',
    ],
  ])('%s', async (_, ticket, over, reason) => {
    const { world, seen } = functionWorld(ticket, over);
    expect(await runFunction(ASKED, PLENTY, world)).toBe(`run ${RUN_ID} is unknown: ${reason}`);
    expect(seen.uploads[0]?.report).toMatchObject({
      ...{ runId: RUN_ID, target: SHOP.name, layer: 'kubernetes', verdict: 'unknown', reason },
      ...{ commit: { checked: COMMIT }, startedAt: NOW.toISOString() },
    });
    expect(seen.sent).toEqual(told(null));
  });
});

describe('what cannot be explained fails, so that Lambda tells record', () => {
  test.each<[string, Partial<FunctionWorld>]>([
    ['the check', { check: async () => Promise.reject(new TypeError('a defect')) }],
    ['the upload', { upload: async () => Promise.reject(new TypeError('a defect')) }],
  ])('%s: nobody is told that the run ended well', async (_, over) => {
    const { world, seen } = functionWorld(ticketOf(), over);
    await expect(runFunction(ASKED, PLENTY, world)).rejects.toThrow('a defect');
    expect(seen.sent).toEqual([]);
  });

  test('but an upload that was refused can be: record is told why', async () => {
    const problem = 'the report could not be handed over: the signed address answered 403';
    const { world, seen } = functionWorld(ticketOf(), {
      upload: async () => Promise.reject(new UploadFailed(problem)),
    });
    expect(await runFunction(ASKED, PLENTY, world)).toBe(`run ${RUN_ID} is in-sync, and ${problem}: 3 of 3 compared`);
    expect(seen.sent).toEqual(told(problem));
  });

  test('the call of record', async () => {
    const refused = { send: async () => Promise.reject(new Error('record did not take it')) };
    const { world, seen } = functionWorld(ticketOf(), { functions: refused });
    await expect(runFunction(ASKED, PLENTY, world)).rejects.toThrow('record did not take it');
    expect(seen.uploads).toHaveLength(1);
  });

  test.each<[string, unknown, RegExp]>([
    ['is damaged', { schema: 'plumbline.ticket/1' }, /^the ticket cannot be read \(DamagedRecord\)$/],
    ['has no address', { ...ticketOf(), upload: 'http://plain' }, /^the ticket cannot be read/],
    ['is a build’s', { ...ticketOf(), target: { ...SHOP, layer: 'terraform' } }, /^the ticket cannot be read/],
    ['is another run’s', ticketOf({ run: { ...ticketOf().run, runId: 'other' } }), /^the ticket is for run other of/],
    ['is another target’s', ticketOf({ target: { ...SHOP, name: 'prod/other' } }), /^the ticket is for run/],
  ])('a ticket that %s', async (_, ticket, message) => {
    const { world, seen } = functionWorld(ticket);
    const failed = runFunction(ASKED, PLENTY, world);
    await expect(failed).rejects.toThrow(DamagedTicket);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.not.toThrow(ASKED.ticket);
    expect([seen.checks, seen.uploads, seen.sent]).toEqual([[], [], []]);
  });

  test('a ticket for another target than the one it is asked for', async () => {
    const { world, seen } = functionWorld(ticketOf());
    const failed = runFunction({ ...ASKED, target: 'prod/other' }, PLENTY, world);
    await expect(failed).rejects.toThrow(`the ticket is for run ${RUN_ID} of prod/shop`);
    expect(seen.checks).toEqual([]);
  });
});

describe('a ticket that is gone', () => {
  const hidden = { read: async () => Promise.reject(new ObjectHidden('may not read, or it is not there')) };
  test.each<[string, Partial<FunctionWorld>]>([
    ['as S3 says it to whoever may list', {}],
    ['as S3 says it to whoever may not', { store: hidden }],
  ])('%s is no failure: record knows whether the run was judged', async (_, over) => {
    const { world, seen } = functionWorld(null, over);
    expect(await runFunction(ASKED, PLENTY, world)).toBe('the ticket is gone: the run is over, or was judged already');
    expect([seen.checks, seen.uploads]).toEqual([[], []]);
    expect(seen.sent).toEqual(told('its ticket was gone before the check began'));
  });
});

test('no line of the log holds a secret, the address or the name of the ticket', async () => {
  const { world, seen } = functionWorld(ticketOf());
  const answer = await runFunction(ASKED, PLENTY, world);
  expect(seen.lines.length).toBeGreaterThanOrEqual(2);
  const text = [answer, ...seen.lines].join('\n');
  for (const secret of [...(seen.checks[0]?.hidden ?? []), ASKED.ticket]) expect(text).not.toContain(secret);
});
