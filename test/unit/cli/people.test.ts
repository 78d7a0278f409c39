import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import picocolors from 'picocolors';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunOptions, run } from '#cli/commands/run.ts';
import { status } from '#cli/commands/status.ts';
import { type Service, serviceIn } from '#cli/deployed/service.ts';
import { endOf } from '#cli/deployed/wait.ts';
import { reportText } from '#cli/output/report-text.ts';
import { type Terminal, UsageError } from '#cli/terminal.ts';
import type { Row } from '#drift/overview.ts';
import type { RerunRequest } from '#drift/rerun.ts';
import { newState } from '#drift/state/state.ts';
import { row, running, state, status as statusOf } from '../people/rows.ts';
import { COMMIT, report, TARGET } from '../runs/world.ts';

const OLD = '20261124T113000000Z-0123456789abcdef';
const RUN = '20261124T120000000Z-0123456789abcdef';
const NEWER = '20261124T120100000Z-0123456789abcdef';
const OTHER = 'b'.repeat(40);

let out: string[];
let err: string[];
let code: number | undefined;
let abort: AbortController;
let terminal: Terminal;
let asked: RerunRequest[];
let looks: (readonly string[] | null)[];
/** What the service says at each look; the last one again and again. */
let rows: (readonly Row[])[];
let refuse: ReadonlySet<string>;
beforeEach(() => {
  [out, err, asked, looks, rows, refuse] = [[], [], [], [], [], new Set()];
  code = undefined;
  abort = new AbortController();
  terminal = {
    ...{ env: {}, cwd: '/', colours: picocolors.createColors(false), interactive: false, signal: abort.signal },
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    exit: (number) => {
      code = number;
    },
    fail: () => undefined,
  };
});

const service: Service = {
  caller: async () => 'arn:aws:sts::111111111111:assumed-role/admin/alice',
  rerun: async (request) => {
    asked.push(request);
    const targets = 'targets' in request ? request.targets : [];
    return targets.map((target) =>
      refuse.has(target)
        ? { target, runId: null, sentence: `${target} is paused (enabled: false)`, link: null }
        : { target, runId: RUN, sentence: `started run ${RUN}`, link: `https://console/${target}` },
    );
  },
  status: async (names) => {
    looks.push(names);
    const all = (rows.length > 1 ? rows.shift() : rows[0]) ?? [];
    const wanted = all.filter(({ target }) => names === null || names.includes(target));
    return { ...statusOf(wanted), missing: (names ?? []).filter((name) => !all.some((one) => one.target === name)) };
  },
};
const start = (targets: readonly string[], options: RunOptions = {}): Promise<void> =>
  run(targets, options, terminal, service, 1);

/** A target whose newest run is this one. */
const judged = (target: string, runId: string, verdict: 'in-sync' | 'drifted' | 'unknown' = 'in-sync'): Row => ({
  ...row(state({ runId, verdict, reason: `it is ${verdict}` }), { ...TARGET, name: target }),
});

describe('plumbline run', () => {
  test('asks for each target once, in the name of whoever calls, and prints what became of it with a link', async () => {
    await start(['prod/network', 'prod/shop', 'prod/network']);
    expect(asked).toEqual([
      {
        ...{ action: 'rerun', targets: ['prod/network', 'prod/shop'], via: 'cli' },
        actor: 'arn:aws:sts::111111111111:assumed-role/admin/alice',
      },
    ]);
    expect(out).toEqual([
      `prod/network: started run ${RUN}`,
      '  https://console/prod/network',
      `prod/shop: started run ${RUN}`,
      '  https://console/prod/shop',
    ]);
    expect([err, code, looks]).toEqual([[], 0, []]);
  });

  test('ends with 1 when one of them was not started', async () => {
    refuse = new Set(['prod/shop']);
    await start(['prod/network', 'prod/shop'], { json: true });
    expect(JSON.parse(out.join('\n')).map(({ runId }: { runId: string }) => runId)).toEqual([RUN, null]);
    expect(code).toBe(1);
  });

  test('hands on a commit, and refuses what is none before it asks for anything', async () => {
    await start(['prod/network'], { commit: OTHER });
    expect(asked[0]).toMatchObject({ commit: OTHER });
    for (const commit of ['main', OTHER.slice(1), '--upload-pack=x']) {
      await expect(start(['prod/network'], { commit })).rejects.toThrow(/write all 40 hex digits/);
    }
    expect(asked).toHaveLength(1);
  });

  test('takes patterns, and asks for a hundred at a time', async () => {
    rows = [Array.from({ length: 250 }, (_, index) => judged(`prod/t${index}`, OLD)).concat(judged('dev/x', OLD))];
    await start(['prod/*']);
    expect(asked.map((request) => ('targets' in request ? request.targets.length : 0))).toEqual([100, 100, 50]);
    await expect(start(['nothing/*'])).rejects.toThrow(/^there is no target nothing\/\*; near are/);
  });

  test.each([[{}], [{ wait: true }]])(
    'that is interrupted between two requests (%j) starts no more',
    async (options) => {
      const stopped: Service = {
        ...service,
        rerun: (request) => {
          abort.abort();
          return service.rerun(request);
        },
      };
      const targets = Array.from({ length: 250 }, (_, index) => `prod/t${index}`);
      await run(targets, options, terminal, stopped, 1);
      expect([asked.length, code]).toEqual([1, 1]);
      expect(err).toContain('interrupted: 150 were not asked for; what was started goes on');
    },
  );

  test.each([
    [['in-sync', 'in-sync'], 0],
    [['in-sync', 'drifted'], 2],
    [['unknown', 'drifted'], 1],
  ] as const)('waits for %j and ends with %i', async ([one, two], exit) => {
    const [before, first] = [judged('prod/a', OLD), judged('prod/a', RUN, one)];
    rows = [
      [before, judged('prod/b', OLD)],
      [first, judged('prod/b', OLD)],
      [first, judged('prod/b', NEWER, two)],
    ];
    await start(['prod/a', 'prod/b'], { wait: true });
    expect(code).toBe(exit);
    expect(out).toEqual([
      `${one}  prod/a  it is ${one}\n  https://console/prod/a`,
      `${two}  prod/b  it is ${two}\n  https://console/prod/b`,
    ]);
    expect(err).toContain(`prod/a: ${one} (1 of 2)`);
    expect(looks).toEqual([['prod/a', 'prod/b'], ['prod/a', 'prod/b'], ['prod/b']]);
  });

  test('waits with --json: the verdicts on stdout, all else on stderr', async () => {
    rows = [[judged('prod/a', RUN, 'drifted')]];
    refuse = new Set(['prod/b']);
    await start(['prod/a', 'prod/b'], { wait: true, json: true });
    expect(JSON.parse(out.join('\n'))).toEqual([
      { target: 'prod/a', runId: RUN, verdict: 'drifted', reason: 'it is drifted', link: 'https://console/prod/a' },
    ]);
    expect(err).toContain('prod/b: prod/b is paused (enabled: false)');
    expect(code).toBe(1);
  });

  test('that is interrupted stops waiting, says that the run goes on, and ends with 1', async () => {
    rows = [[judged('prod/a', OLD)]];
    setTimeout(() => abort.abort(), 20);
    await start(['prod/a'], { wait: true });
    expect(err.at(-1)).toMatch(/^no longer waiting for 1: what was started goes on/);
    expect([out, code]).toEqual([[], 1]);
  });

  test('looks again when a look fails, and not for ever', async () => {
    let fails = 3;
    const flaky: Service = {
      ...service,
      status: async (names) => {
        fails -= 1;
        if (fails >= 0) throw new UsageError('Lambda has no room');
        return service.status(names);
      },
    };
    rows = [[judged('prod/a', RUN)]];
    await run(['prod/a'], { wait: true }, terminal, flaky, 1);
    expect([code, err.filter((line) => line.startsWith('looking again')).length]).toEqual([0, 3]);
    fails = 9;
    await run(['prod/a'], { wait: true }, terminal, flaky, 1);
    expect([code, err.at(-1)]).toEqual([1, 'no longer waiting for prod/a: Lambda has no room']);
  });

  test('prints the verdicts that came when a later look fails for good', async () => {
    rows = [[judged('prod/a', RUN, 'drifted'), judged('prod/b', OLD)]];
    const failing: Service = {
      ...service,
      status: async (names) => {
        if (names?.length === 1) throw new UsageError('these AWS credentials are refused');
        return service.status(names);
      },
    };
    await run(['prod/a', 'prod/b'], { wait: true, json: true }, terminal, failing, 1);
    expect(JSON.parse(out.join('\n'))).toMatchObject([{ target: 'prod/a', verdict: 'drifted' }]);
    expect(code).toBe(1);
  });

  test('tells what becomes of a run meanwhile, once each', async () => {
    const before = judged('prod/a', OLD);
    const waits = { ...before, waiting: { runId: RUN, since: '', throttled: 'CodeBuild has no room' } };
    const runs = { ...before, running: { runId: RUN, since: '' } };
    const damaged = { ...before, verdict: 'unknown', lastRun: null, reason: 'state/prod/a.json is not JSON' } as const;
    rows = [[waits], [waits], [runs], [runs], [damaged], [judged('prod/a', RUN)]];
    await start(['prod/a'], { wait: true });
    expect(err.slice(-4)).toEqual([
      'prod/a: waits: CodeBuild has no room',
      'prod/a: is being looked at',
      'prod/a: state/prod/a.json is not JSON',
      'prod/a: in-sync (1 of 1)',
    ]);
  });

  test('does not wait for what was taken out of the deployed config meanwhile', async () => {
    rows = [[judged('prod/a', OLD)], [judged('prod/b', OLD)]];
    await start(['prod/a'], { wait: true });
    expect([code, err.at(-1)]).toEqual([1, expect.stringContaining('prod/a: is no longer in the deployed config')]);
  });
});

describe('the end of a run that was asked for', () => {
  const started = { target: 'prod/network', runId: RUN, sentence: '', link: null };
  const aside = (runId: string): Row => ({
    ...judged('prod/network', OLD),
    aside: { runId, commit: OTHER, verdict: 'drifted', reason: '1 finding' },
  });
  test.each<[string, Row, string | null]>([
    ['an older one', judged('prod/network', OLD), null],
    ['the very one', judged('prod/network', RUN, 'drifted'), 'drifted'],
    ['a newer one, which took its place', judged('prod/network', NEWER), 'in-sync'],
    ['none yet', row(newState(TARGET.name, new Date())), null],
    ['one of another commit, which is the very one', aside(RUN), 'drifted'],
    ['one of another commit, and an older one', aside(OLD), null],
    [
      'a newer one, while it is looking still',
      { ...judged(TARGET.name, NEWER), running: { runId: RUN, since: '' } },
      null,
    ],
    ['one that waits', { ...judged(TARGET.name, OLD), waiting: { runId: RUN, since: '', throttled: null } }, null],
  ])('when the newest is %s', (_, now, verdict) => {
    expect(endOf(started, now)?.verdict ?? null).toBe(verdict);
  });
});

describe('plumbline status', () => {
  test('shows one line for each target, and hash and commit of the deployed config', async () => {
    rows = [
      [
        row(state({ verdict: 'drifted', reason: '1 finding', by: { actor: 'alice', via: 'cli' }, trigger: 'manual' })),
        row(state(), { ...TARGET, name: 'prod/still' }, running),
      ],
    ];
    await status([], {}, terminal, service);
    const lines = out.join('\n').split('\n');
    expect(lines[0]?.split(/ {2,}/)).toEqual([
      ...['TARGET', 'VERDICT', 'SINCE', 'COMPARED', 'FINDINGS', 'LAST RUN', 'STARTED BY', 'REASON'],
    ]);
    expect(lines[1]?.split(/ {2,}/)).toEqual([
      ...['prod/network', 'drifted', '2026-11-22 11:31 UTC', '3 of 3 (100 %)', '0', '29 min ago'],
      ...['manual (cli), alice', '1 finding'],
    ]);
    expect(lines[2]).toMatch(/29 min ago, looking now {2}schedule/);
    expect(lines.at(-1)).toBe(`config ${'c'.repeat(64)} of commit ${COMMIT}, as of 2026-11-24T12:00:00.000Z`);
    expect(code).toBe(2);
  });

  test.each<[readonly Row['verdict'][], number]>([
    [['in-sync'], 0],
    [['in-sync', 'paused', 'retired'], 0],
    [['in-sync', 'drifted'], 2],
    [['drifted', 'unknown'], 1],
    [['drifted', 'stale'], 1],
    [['in-sync', 'never'], 1],
  ])('of %j ends with %i', async (verdicts, exit) => {
    rows = [verdicts.map((verdict, index) => ({ ...row(), target: `prod/${index}`, verdict }))];
    await status([], { json: true }, terminal, service);
    expect(code).toBe(exit);
    expect(JSON.parse(out.join('')).config).toEqual({ hash: 'c'.repeat(64), commit: COMMIT });
  });

  test('refuses a name that is not deployed, and asks for no more than what is named', async () => {
    rows = [[row()]];
    await expect(status(['prod/netwrk'], {}, terminal, service)).rejects.toThrow(
      'there is no target prod/netwrk in the deployed config',
    );
    await status(['prod/network'], {}, terminal, service);
    expect(looks).toEqual([['prod/netwrk'], ['prod/network']]);
  });

  test('is not redrawn by what a repository or a caller says', async () => {
    const evil = '\u001b[2J\u202e\r';
    rows = [[{ ...row(), reason: evil, by: { actor: evil }, target: `prod/${evil}` }]];
    await status([], {}, terminal, service);
    expect(out.join('').match(/(?!\n)[\p{Cc}\p{Cf}]/u)).toBeNull();
    expect(out.join('')).toContain('\\u001b[2J');
  });
});

describe('the deployed service', () => {
  const lambda = mockClient(LambdaClient);
  const failing = (name: string, message: string): Error => Object.assign(new Error(message), { name });
  beforeEach(() => lambda.reset());

  test.each([
    [
      'ResourceNotFoundException',
      'Function not found',
      /no function plumbline-widget: is the service deployed in this/,
    ],
    [
      'AccessDeniedException',
      'User alice is not authorized',
      /^lambda:InvokeFunction on plumbline-widget is not allowed: User/,
    ],
    ['CredentialsProviderError', 'Could not load', /^there are no AWS credentials: set AWS_PROFILE/],
    ['ExpiredTokenException', 'expired', /^these AWS credentials are refused \(ExpiredTokenException\): renew them/],
    ['Error', 'Region is missing', /^there is no AWS region: write --region eu-west-1/],
  ])('%s: one sentence that says what to do', async (name, message, sentence) => {
    lambda.on(InvokeCommand).rejects(failing(name, message));
    const answer = serviceIn('eu-west-1', abort.signal).status(null);
    await expect(answer).rejects.toThrow(UsageError);
    await expect(answer).rejects.toThrow(sentence);
  });

  test.each([
    ['{ "schema": "plumbline.status/1", "targ', undefined, /^the answer of plumbline-widget was cut off: ask again$/],
    ['{ "errorMes', 'Unhandled', /^plumbline-widget failed, its log tells why: it does not say$/],
  ])('an answer that is cut off, %s, is told in one sentence', async (text, FunctionError, sentence) => {
    const Payload = new TextEncoder().encode(text) as never;
    lambda.on(InvokeCommand).resolves({ Payload, ...(FunctionError === undefined ? {} : { FunctionError }) });
    const answer = serviceIn('eu-west-1', abort.signal).status(null);
    await expect(answer).rejects.toThrow(UsageError);
    await expect(answer).rejects.toThrow(sentence);
  });

  test('a function that failed is told in its own words; an answer of another version in ours', async () => {
    const payload = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)) as never;
    lambda.on(InvokeCommand).resolves({ FunctionError: 'Unhandled', Payload: payload({ errorMessage: 'it broke' }) });
    await expect(serviceIn('eu-west-1', abort.signal).status(null)).rejects.toThrow(
      'plumbline-widget failed, its log tells why: it broke',
    );
    lambda.on(InvokeCommand).resolves({ Payload: payload({ schema: 'plumbline.status/2' }) });
    await expect(serviceIn('eu-west-1', abort.signal).status(null)).rejects.toThrow(
      /answers otherwise than this version expects/,
    );
  });

  test('that cannot be reached is asked to start a check once, and to look three times', async () => {
    let asked = 0;
    const broken = createServer((_, response) => {
      asked += 1;
      response.writeHead(500).end('{}');
    }).listen(0, '127.0.0.1');
    await once(broken, 'listening');
    lambda.restore();
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(broken.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'none');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'none');
    try {
      const deployedService = serviceIn('eu-west-1', abort.signal);
      await expect(deployedService.rerun({ action: 'rerun', target: 'prod/a' })).rejects.toThrow();
      expect(asked).toBe(1);
      await expect(deployedService.status(null)).rejects.toThrow();
      expect(asked).toBe(4);
    } finally {
      vi.unstubAllEnvs();
      broken.closeAllConnections();
      broken.close();
    }
  });

  test('that does not answer is not waited for once the caller is interrupted', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    lambda.restore();
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'none');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'none');
    try {
      const answer = serviceIn('eu-west-1', abort.signal).status(null);
      silent.once('connection', () => abort.abort());
      await expect(answer).rejects.toThrow(UsageError);
      await expect(answer).rejects.toThrow('no longer waiting for plumbline-widget');
    } finally {
      vi.unstubAllEnvs();
      silent.closeAllConnections();
      silent.close();
    }
  });
});

test('a report for people says who started its run, and that it is aside', () => {
  const by = { actor: 'alice', via: 'cli' } as const;
  const text = reportText(report(RUN, { trigger: 'manual', by, aside: true }), picocolors.createColors(false));
  expect(text).toContain('a commit that was named: no verdict on the target · started by manual (cli), alice');
});
