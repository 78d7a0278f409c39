import { describe, expect, it } from 'vitest';
import { ticketSchema } from '#checks/nodes/ticket.ts';
import { finishRun, type RunEnded } from '#checks/runs/finish.ts';
import { type StartRequest, startRun } from '#checks/runs/start.ts';
import { sweep } from '#checks/runs/tend.ts';
import { ticketSchema as terraformSchema } from '#checks/terraform/ticket.ts';
import { targetKey } from '#drift/fingerprint.ts';
import { keys } from '#drift/names.ts';
import type { Report } from '#drift/report.ts';
import type { Queue } from '#drift/state/queue.ts';
import { newState } from '#drift/state/state.ts';
import type { NodesTarget } from '#drift/target.ts';
import type { NodesTicket } from '#drift/ticket.ts';
import { buildArn, COMMIT, FLEET, metric, ROLE_ID, report, said, TARGET, type TestWorld, testWorld } from './world.ts';

const request: StartRequest = { target: FLEET.name, trigger: 'schedule', at: '2026-11-24T03:00:00Z' };
const OUTPUT = '${'.concat('output:prod/network.pod_cidrs}');
const queue = (world: TestWorld): Queue | null => world.store.json<Queue>(keys.queue(FLEET.name));
const ticketOf = (world: TestWorld): NodesTicket | null =>
  world.store.json<NodesTicket>(keys.ticket(queue(world)?.running?.ticket ?? ''));
const withVars = (extraVars: NodesTarget['nodes']['extraVars']): NodesTarget => ({
  ...FLEET,
  nodes: { ...FLEET.nodes, extraVars },
});
/** A world in which both are checked, and the other one has given these outputs. */
async function worldWith(target: NodesTarget, outputs: Readonly<Record<string, string>> | null): Promise<TestWorld> {
  const world = testWorld(target);
  if (outputs !== null) {
    const state = { ...newState(TARGET.name, world.now()), outputs };
    await world.store.put(keys.state(TARGET.name), JSON.stringify(state));
  }
  return { ...world, config: { ...world.config, targets: [TARGET, target] } };
}

describe('starting a run that asks nodes', () => {
  it('starts a build of its environment, once, with a ticket that holds all that it needs', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { build: buildArn('0001', 'nodes') };
    const before = { ...newState(FLEET.name, world.now()), lastInSync: 'b'.repeat(40) };
    await world.store.put(keys.state(FLEET.name), JSON.stringify(before));
    expect(await said(request, world)).toMatch(/^started run \S+ at a{40} as \S+plumbline-nodes-prod:0001$/);
    expect(await said(request, world)).toMatch(/^joined run/);
    expect(world.starts).toMatchObject([
      { project: 'plumbline-nodes-prod', timeoutMinutes: 35, environment: { TARGET: FLEET.name } },
    ]);
    expect(ticketOf(world)).toEqual({
      schema: 'plumbline.ticket/1',
      run: expect.objectContaining({ target: FLEET.name, layer: 'nodes', commit: COMMIT }),
      target: FLEET,
      fingerprintKey: targetKey('master', FLEET.name),
      lastInSync: 'b'.repeat(40),
    });
    expect(ticketSchema.parse(ticketOf(world))).toEqual(ticketOf(world));
  });

  it('lets a throttled one wait, and starts it when there is room', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { throttled: 'CodeBuild has no room' };
    expect(await said(request, world)).toMatch(/waits: CodeBuild has no room/);
    expect(queue(world)).toMatchObject({ running: null, waiting: { throttled: 'CodeBuild has no room' } });
    world.builders.answer = { build: buildArn('0002', 'nodes') };
    await sweep(world);
    await startRun(world.sent.at(-1)?.payload as StartRequest, world);
    expect(queue(world)?.running?.build).toBe(buildArn('0002', 'nodes'));
    expect(ticketOf(world)?.run.runId).toBe(queue(world)?.running?.runId);
  });

  it('does not start again what is long over', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { build: buildArn('0001') };
    await startRun(request, world);
    const runId = queue(world)?.running?.runId ?? '';
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(nodesReport(runId)));
    await finishRun(ended(runId), world);
    expect(await said(request, world)).toBe(`run ${runId} was judged already`);
    expect(world.starts).toHaveLength(1);
  });
});

const nodesReport = (runId: string, over: Partial<Report> = {}): Report =>
  report(runId, { target: FLEET.name, layer: 'nodes', ...over });
const ended = (runId: string) => ({
  ...{ target: FLEET.name, runId, ticket: null, function: null, failure: null },
  build: { arn: buildArn('0001'), status: 'SUCCEEDED', log: null },
});

describe('outputs of other targets', () => {
  it('take their places in the ticket at any depth, of their own type', async () => {
    const target = withVars({ net: { cidrs: OUTPUT, all: [`x-${OUTPUT}`, 3] }, flag: true, none: null });
    const world = await worldWith(target, { pod_cidrs: '["10.1.0.0/16"]' });
    await startRun(request, world);
    expect(ticketOf(world)?.target.nodes.extraVars).toEqual({
      net: { cidrs: ['10.1.0.0/16'], all: ['x-["10.1.0.0/16"]', 3] },
      flag: true,
      none: null,
    });
  });

  it.each([null, { other: '1' }])(
    'that are not known (%j) are the reason of an unknown run, which starts no build',
    async (outputs) => {
      const world = await worldWith(withVars({ net: [{ cidrs: OUTPUT }] }), outputs);
      expect(await said(request, world)).toMatch(/could not start: .*pod_cidrs\} is not known yet: prod\/network has/);
      expect(world.starts).toEqual([]);
    },
  );
});

describe('a target that waits for an output', () => {
  /** Asks for the fleet, then lets the other target be judged. */
  async function judged(outputs: Readonly<Record<string, string>> | null, last: 'waiting' | 'in-sync') {
    const world = await worldWith(withVars({ cidrs: OUTPUT }), last === 'waiting' ? null : { pod_cidrs: '[]' });
    world.builders.answer = { build: buildArn('0001') };
    await startRun(request, world);
    const told = world.sent.map(({ payload }) => payload as { readonly ended: RunEnded });
    for (const { ended: one } of told) await finishRun(one, world);
    const network = await said({ ...request, target: TARGET.name }, world);
    const runId = /run (\S+)/.exec(network)?.[1] ?? '';
    const left = report(runId, outputs === null ? {} : { outputs });
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(left));
    const before = world.sent.length;
    await finishRun({ ...ended(runId), target: TARGET.name }, world);
    await finishRun({ ...ended(runId), target: TARGET.name }, world);
    return { world, asked: world.sent.slice(before).map(({ payload }) => payload as StartRequest) };
  }

  it('is checked as soon as that is known, and once', async () => {
    const { world, asked } = await judged({ pod_cidrs: '["10.1.0.0/16"]' }, 'waiting');
    expect(asked).toMatchObject([{ target: FLEET.name }, { target: FLEET.name }]);
    for (const one of asked) await startRun(one, world);
    expect(ticketOf(world)?.target.nodes.extraVars).toEqual({ cidrs: ['10.1.0.0/16'] });
    expect(world.starts.map(({ project }) => project)).toEqual(['plumbline-terraform-prod', 'plumbline-nodes-prod']);
  });

  it('goes on waiting while it is not, and nobody is checked who did not wait', async () => {
    expect((await judged(null, 'waiting')).asked).toEqual([]);
    expect((await judged({ pod_cidrs: '[]' }, 'in-sync')).asked).toEqual([]);
  });
});

describe('the ticket of a build that asks nodes', () => {
  const ticket = {
    schema: 'plumbline.ticket/1',
    run: {
      ...{ schema: 'plumbline.run/1', runId: 'r', target: FLEET.name, layer: 'nodes', trigger: 'schedule' },
      ...{ commit: COMMIT, requestedAt: '', deadline: '', config: { hash: '', commit: null } },
    },
    target: FLEET,
    fingerprintKey: 'f'.repeat(64),
    lastInSync: null,
  };

  it.each<[string, unknown]>([
    ['has a key of nodes that nobody knows', { ...ticket, target: { ...FLEET, nodes: { ...FLEET.nodes, forks: 9 } } }],
    [
      'selects in a way that nobody knows',
      { ...ticket, target: { ...FLEET, nodes: { ...FLEET.nodes, select: { all: true } } } },
    ],
    ['is of another layer', { ...ticket, target: TARGET }],
    ['has no last commit that could be one', { ...ticket, lastInSync: '--upload-pack=x' }],
    ['does not say what was in sync', { ...ticket, lastInSync: undefined }],
  ])('is not read when it %s', (_, written) => {
    expect(ticketSchema.safeParse(ticket).success).toBe(true);
    expect(ticketSchema.safeParse(written).success).toBe(false);
  });

  it('is no ticket for a plan', () => {
    expect(terraformSchema.safeParse(ticket).success).toBe(false);
  });
});

describe('judging a run that asked nodes', () => {
  it('believes its build, whose report may hold unreached nodes', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { build: buildArn('0001') };
    await startRun(request, world);
    const runId = queue(world)?.running?.runId ?? '';
    const coverage = {
      compared: 4,
      total: 5,
      uncovered: [{ subject: 'm-1', kind: 'unreached' as const, reason: 'it is offline' }],
    };
    const left = nodesReport(runId, {
      verdict: 'unknown',
      reason: 'not enough could be seen: 4 of 5 compared, 100 % wanted; m-1: it is offline',
      coverage,
    });
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(left));
    expect(await finishRun(ended(runId), world)).toMatch(/is unknown: not enough could be seen: 4 of 5 compared/);
    expect(world.store.json<Report>(keys.report(FLEET.name, runId))?.coverage).toEqual(coverage);
    expect(metric(world, 'unknown')).toBe(1);
  });

  it('takes the reason of a build that could not read its ticket, and so does not know its layer', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { build: buildArn('0001') };
    await startRun(request, world);
    const runId = queue(world)?.running?.runId ?? '';
    const reason = 'the ticket of this build is damaged: start the check again';
    const blind = {
      layer: 'terraform',
      verdict: 'unknown',
      reason,
      commit: { checked: null, lastInSync: null },
    } as const;
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(nodesReport(runId, blind)));
    await finishRun({ ...ended(runId), build: { ...ended(runId).build, status: 'FAILED' } }, world);
    expect(world.store.json<Report>(keys.report(FLEET.name, runId))).toMatchObject({
      layer: 'nodes',
      verdict: 'unknown',
      reason,
    });
  });

  it('takes no other report of another layer', async () => {
    const world = testWorld(FLEET);
    world.builders.answer = { build: buildArn('0001') };
    await startRun(request, world);
    const runId = queue(world)?.running?.runId ?? '';
    await world.store.put(keys.inbox(ROLE_ID, '0001'), JSON.stringify(nodesReport(runId, { layer: 'terraform' })));
    expect(await finishRun(ended(runId), world)).toMatch(/is unknown: the report speaks of run .*, not of this run$/);
  });
});
