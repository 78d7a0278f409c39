import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runBuild } from '#checks/build.ts';
import { buildNodes } from '#checks/nodes/build.ts';
import { keys } from '#drift/names.ts';
import type { FoundNode } from '#drift/nodes/fleet.ts';
import type { CommandOutcome } from '#drift/nodes/outcome.ts';
import { type Report, reportSchema } from '#drift/report.ts';
import type { NodesTicket } from '#drift/ticket.ts';
import { FleetError } from '#services/ports.ts';
import { recorded } from '#test/unit/nodes/recorded.ts';
import { startGitHost, type TestGitHost } from './git-host.ts';
import {
  type Act,
  BUNDLE,
  INBOX,
  NONCE,
  type NodesTestWorld,
  node,
  nodesWorld,
  ROLE,
  SECRETS,
  sends,
  target,
  ticketOf,
} from './nodes-world.ts';

const CLEAN = recorded('2.12.10', 'systemd-kubelet-dropin-clean').text;
const EDITED = recorded('2.12.10', 'systemd-kubelet-dropin-edited').text;

let host: TestGitHost;
let first: string;
let commit: string;
let tmp: string;
let worlds: NodesTestWorld[];

beforeAll(async () => {
  host = await startGitHost();
  host.protect(SECRETS.token);
  first = await host.commit({
    'ansible/site.yml': '- hosts: all\n',
    'ansible/ansible.cfg': '[defaults]\nroles_path = roles\n',
  });
  commit = await host.commit({ 'ansible/roles/a/tasks/main.yml': '- debug:\n' });
});
afterAll(() => host.stop());
beforeEach(() => {
  // Of this test alone, so that what a build leaves behind is seen; another user works in it.
  tmp = mkdtempSync('/tmp/plumbline-nodes-build-');
  chmodSync(tmp, 0o755);
  process.env['TMPDIR'] = tmp;
  worlds = [];
});
afterEach(() => {
  delete process.env['TMPDIR'];
  expect(readdirSync(tmp)).toEqual([]);
  rmSync(tmp, { recursive: true });
  for (const world of worlds) {
    const text = [...world.said, world.store.objects.get(INBOX)?.toString() ?? ''].join('\n');
    const key = world.sent[0]?.parameters['Key'];
    const secrets = [SECRETS.token, SECRETS.vault, SECRETS.key, SECRETS.signature, 'correct-horse', 'role-secret'];
    for (const secret of [...secrets, 'role-session', NONCE, ...(key === undefined ? [] : [key])]) {
      expect(text).not.toContain(secret);
    }
    expect(world.store.objects.has(BUNDLE)).toBe(false);
    if (world.sent.length > 0) expect(world.store.deleted).toEqual([BUNDLE]);
  }
});

function world(act: Act, found: readonly FoundNode[] = [node('i-1'), node('i-22')]): NodesTestWorld {
  const made = nodesWorld({ caFile: host.caFile, found, act, ansibleCache: join(tmp, 'unused') });
  worlds.push(made);
  return made;
}

async function build(
  of: NodesTestWorld,
  ticket: NodesTicket | string = ticketOf(target(host.url), commit),
): Promise<{ readonly report: Report; readonly complete: boolean }> {
  of.store.objects.set(keys.ticket(NONCE), Buffer.from(typeof ticket === 'string' ? ticket : JSON.stringify(ticket)));
  const complete = await runBuild(of, {
    terraform: () => Promise.reject(new Error('nothing is planned')),
    nodes: (read, at) => buildNodes(read, at, of),
  });
  return { report: reportSchema.parse(JSON.parse(of.store.objects.get(INBOX)?.toString() ?? '')), complete };
}

describe('a build that asks nodes', () => {
  test('in sync: every node is asked with the role of nodes, and the report speaks of this run', async () => {
    const of = world(sends(CLEAN));
    const { report, complete } = await build(of);
    expect(report.reason).toBe('4 of 4 compared, nothing differs');
    expect(complete).toBe(true);
    expect(report).toMatchObject({
      ...{ verdict: 'in-sync', layer: 'nodes', commit: { checked: commit } },
      tool: { name: 'ansible-core', version: '2.12.10', exitCode: null },
    });
    expect(of.assumed).toEqual([
      ['arn:aws:iam::222222222222:role/plumbline-nodes', ticketOf(target(''), '').run.runId, 900],
    ]);
    expect(of.opened).toEqual([{ credentials: ROLE, region: 'eu-west-1' }]);
    expect(of.sent).toMatchObject([
      {
        document: 'plumbline-nodes',
        nodes: ['i-1', 'i-22'],
        select: { tags: { Role: ['minion'] } },
        parameters: {
          BundleUrl: expect.stringMatching(
            /^https:\/\/results\.example\/inbox\/.*bundle\.tar\.gz\?X-Amz-Expires=4\d\d/,
          ),
          BundleSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          Key: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
          RunId: report.runId,
          // Of five minutes: less the clone, and what is kept to read the streams.
          ExecutionSeconds: expect.stringMatching(/^2[0-4]\d$/),
        },
      },
    ]);
  });

  test('drifted on one of two, with its cause by git', async () => {
    const act: Act = (id, ...rest) => sends(id === 'i-1' ? EDITED : CLEAN)(id, ...rest);
    const { report, complete } = await build(world(act), ticketOf(target(host.url), commit, first));
    expect([report.verdict, complete]).toEqual(['drifted', true]);
    expect(report.findings).toMatchObject([
      { subject: 'minion-1: kubelet drop-in', cause: 'out-of-band', actionReason: 'on 1 of 2 nodes' },
    ]);
    expect(report.findings[0]?.valueHash).toMatch(/^[0-9a-f]{32}$/);
    const pending = await host.commit({ 'site.yml': '- hosts: all\n' });
    const { report: other } = await build(world(act), ticketOf(target(host.url), pending, commit));
    expect(other.findings[0]?.cause).toBe('pending');
  });

  test('the cause is unclear, and a note says why, when the last commit in sync is gone', async () => {
    const { report } = await build(world(sends(EDITED)), ticketOf(target(host.url), commit, 'a'.repeat(40)));
    expect(report.findings[0]?.cause).toBe('unclear');
    expect(report.notes).toContainEqual({
      kind: 'cause',
      text: expect.stringMatching(
        /^what changed in git since .* is not known, so that causes are unclear: .*not our ref/,
      ),
    });
  });

  test('names who was not reached, and who is not counted; such a check is complete', async () => {
    const offline = { online: false, status: 'ConnectionLost', lastSeen: null };
    const found = [node('i-1'), node('i-22', { agent: offline }), node('i-333', { launchedAt: new Date() })];
    const { report, complete } = await build(world(sends(CLEAN), found));
    expect([report.verdict, complete]).toEqual(['unknown', true]);
    expect(report.coverage).toMatchObject({
      ...{ compared: 2, total: 3 },
      uncovered: [{ subject: 'minion-22', kind: 'unreached', reason: expect.stringContaining('agent is offline') }],
    });
    expect(report.notes).toContainEqual({
      kind: 'uncounted',
      subject: 'minion-333 (i-333)',
      text: expect.stringMatching(/^not counted: it was started 0 seconds ago/),
    });
  });

  test('redacts what a node says of secrets that it was handed', async () => {
    const secretVars = { db_password: { secret: 'db' } };
    const problem = `it said ${SECRETS.vault} and ${SECRETS.signature}`;
    const act: Act = async (id, request) => ({
      ...{ node: id, status: 'Failed', details: 'Failed' },
      output: `plumbline-node/1 ${JSON.stringify({
        ...{ sha256: null, size: null, exit: null, hint: null, ansible: null, python: null },
        problem: `${problem} and ${request.parameters['Key']}`,
      })}`,
    });
    const wanted = target(host.url, { secretVars, vaultPassword: { secret: 'vault' } });
    const { report } = await build(world(act), ticketOf(wanted, commit));
    expect(report.coverage.uncovered[0]?.reason).toBe('it said (sensitive) and (sensitive) and (sensitive)');
  });
});

describe('too few nodes are unknown', () => {
  test('none at all: nobody is asked, and nothing is uploaded', async () => {
    const of = world(sends(CLEAN), []);
    const { report } = await build(of);
    expect(report).toMatchObject({ verdict: 'unknown', reason: expect.stringMatching(/^no node is selected: mend/) });
    expect([of.sent, of.store.deleted]).toEqual([[], []]);
  });

  test('fewer than minNodes: what the others show is unconfirmed', async () => {
    const { report } = await build(world(sends(EDITED)), ticketOf(target(host.url, { minNodes: 3 }), commit));
    expect(report).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^only 2 nodes count, fewer/),
    });
    expect([report.findings.length, report.unconfirmed.length]).toEqual([0, 2]);
  });
});

describe('links', () => {
  const until = (seconds: number) => new Date(Date.now() + seconds * 1000);

  test('that would end with the credentials are renewed once', async () => {
    const asked: boolean[] = [];
    const of = world(sends(CLEAN));
    const links = {
      ...of.links,
      endsAt: async (renew: boolean) => {
        asked.push(renew);
        return until(renew ? 3600 : 60);
      },
    };
    const { report } = await build({ ...of, links });
    expect([report.verdict, asked]).toEqual(['in-sync', [false, true]]);
  });

  test('that end too early all the same are the reason, and nobody is asked', async () => {
    const of = world(sends(CLEAN));
    const { report, complete } = await build({ ...of, links: { ...of.links, endsAt: async () => until(200) } });
    expect([report.verdict, complete, of.sent.length]).toEqual(['unknown', false, 0]);
    expect(report.reason).toMatch(
      /^upload link would expire at \S+Z, before the nodes have to have answered: .*; lower the target's timeout below 3 minutes$/,
    );
  });
});

describe('what goes wrong is a report with the reason', () => {
  const ended = (status: string, output = ''): Act => {
    return async (id): Promise<CommandOutcome> => ({ node: id, status, details: status, output });
  };

  test.each<[string, Act, RegExp]>([
    ['a node that dies half-way', ended('DeliveryTimedOut'), /did not reach it in time/],
    ['a command that ends without a word', ended('Success'), /without a word that can be trusted/],
    ['another hash', sends(CLEAN, { sha256: 'e'.repeat(64) }), /another stream lies where its own should be/],
    ['another size', sends(CLEAN, { size: 3 }), /another stream/],
    ['no upload', sends(CLEAN, { sha256: null, size: null }), /without a word that can be trusted/],
    ['a stream that is cut', sends(CLEAN.slice(0, -300)), /^incomplete: /],
  ])('%s', async (_, act, reason) => {
    const { report } = await build(world(act));
    expect(report.verdict).toBe('unknown');
    expect(report.coverage.uncovered).toHaveLength(2);
    for (const { reason: said } of report.coverage.uncovered) expect(said).toMatch(reason);
  });

  test('a node that hands over the stream of another one', async () => {
    const act: Act = async (id, request, bucket) => {
      const outcome = await sends(EDITED)(id, request, bucket);
      for (const key of bucket.objects.keys())
        if (key.endsWith('i-22.jsonl')) bucket.objects.set(key, Buffer.from(CLEAN));
      return outcome;
    };
    const { report } = await build(world(act));
    expect(report.coverage.uncovered).toMatchObject([{ subject: 'minion-22', kind: 'unreached' }]);
    expect(report.findings.map(({ subject }) => subject)).toEqual(['minion-1: kubelet drop-in']);
  });

  test.each<[string, unknown, RegExp]>([
    ['SSM throttles', new FleetError('AWS was too busy to send the document: check again later'), /^AWS was too busy/],
    [
      'AWS repeats what it was asked',
      new FleetError(`AWS does not take https://x?X-Amz-Signature=${SECRETS.signature} and ${SECRETS.db}`),
      /^AWS does not take https:\/\/x\?X-Amz-Signature=\(sensitive\) and \(sensitive\)$/,
    ],
    ['a mistake of ours', new TypeError(`boom ${SECRETS.key}`), /could not be made \(TypeError\): the build's log/],
  ])('%s: the bundle is gone, and no line tells a secret', async (_, error, reason) => {
    const of = world(() => Promise.reject(error));
    const secretVars = { db_password: { secret: 'db' } };
    const { report, complete } = await build(of, ticketOf(target(host.url, { secretVars }), commit));
    expect([report.verdict, complete]).toEqual(['unknown', false]);
    expect(report.reason).toMatch(reason);
  });

  test('an upload that fails', async () => {
    const of = world(sends(CLEAN));
    const create = of.store.create.bind(of.store);
    of.store.create = async (key, content) => {
      if (key === BUNDLE) throw Object.assign(new Error('S3 is away'), { name: 'TimeoutError' });
      return create(key, content);
    };
    const { report } = await build(of);
    expect(report.reason).toMatch(/^the check could not be made \(TimeoutError\)/);
    expect(of.store.deleted).toEqual([BUNDLE]);
  });

  test.each<[string, Parameters<typeof target>[1], RegExp]>([
    [
      'no playbook',
      { playbook: 'ansible/gone.yml' },
      /^ansible\/gone\.yml is not in the repository: mend the target's/,
    ],
    ['a password of a person', { vaultPassword: { file: '~/.vault' } }, /^the service cannot read the file ~\/\.vault/],
  ])('%s', async (_, nodes, reason) => {
    const { report } = await build(world(sends(CLEAN)), ticketOf(target(host.url, nodes), commit));
    expect(report.reason).toMatch(reason);
  });

  test('a target that selects nothing', async () => {
    const { select: _, ...nodes } = target(host.url).nodes;
    const { report } = await build(world(sends(CLEAN)), ticketOf({ ...target(host.url), nodes }, commit));
    expect(report.reason).toBe('prod/nodes selects no nodes: write nodes.select and deploy');
  });

  test('no time left to ask', async () => {
    const short = target(host.url, {}, { timeoutSeconds: 20 });
    const of = world(sends(CLEAN));
    const { report } = await build(of, ticketOf(short, commit));
    expect(report.reason).toBe("no time was left to ask the nodes: raise the target's timeout");
    expect(of.sent).toEqual([]);
  });

  test('a damaged ticket, and one of another run', async () => {
    expect((await build(world(sends(CLEAN)), '{')).report.reason).toMatch(/ticket of this build is damaged/);
    const foreign = ticketOf({ ...target(host.url), name: 'prod/other' }, commit);
    expect((await build(world(sends(CLEAN)), foreign)).report.reason).toMatch(/is for run \S+ of prod\/other$/);
  });
});

test('a build that is stopped takes its commands back, deletes the bundle and says so', async () => {
  const abort = new AbortController();
  const of = world(async (id) => ({ node: id, status: 'InProgress', details: 'InProgress', output: '' }));
  const openNodes: NodesTestWorld['openNodes'] = (...asked) => {
    const ports = of.openNodes(...asked);
    const progress = async () => {
      setTimeout(() => abort.abort(), 50);
      return { ended: false, completed: 0, total: 2 };
    };
    return { ...ports, commands: { ...ports.commands, progress } };
  };
  const begun = Date.now();
  const { report, complete } = await build({ ...of, openNodes, signal: abort.signal });
  expect(Date.now() - begun).toBeLessThan(10_000);
  expect([report.verdict, complete]).toEqual(['unknown', false]);
  expect(report.reason).toBe('the build was stopped before the check was complete');
  expect(of.cancelled).toEqual(['command-1']);
});
