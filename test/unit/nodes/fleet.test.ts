import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FoundNode, formFleet, tooFew } from '#drift/nodes/fleet.ts';
import type { NodeSelect } from '#drift/target.ts';

const NOW = new Date('2026-11-27T08:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);
const BY_ROLE = { tags: { Role: ['master', 'minion'] } };
const options = (select: NodeSelect = BY_ROLE) => ({ select, settleSeconds: 900, now: NOW });
const online = { online: true, status: 'Online', lastSeen: NOW };

function node(id: string, more: Partial<FoundNode> = {}): FoundNode {
  return {
    ...{ id, tags: { Role: 'minion' }, address: '10.0.0.1', platform: 'Linux', state: 'running' },
    ...{ launchedAt: ago(3600), agent: online, computerName: null },
    ...more,
  };
}
const fleetOf = (...found: readonly FoundNode[]) => formFleet(found, options());

describe('who is asked', () => {
  test('nodes that run, have settled and can be reached, of EC2 and of other places', () => {
    const fleet = fleetOf(
      node('i-1'),
      node('mi-2', { state: 'registered', address: null }),
      node('i-3', { platform: null }),
    );
    expect(fleet.nodes.map(({ id }) => id)).toEqual(['i-1', 'i-3', 'mi-2']);
    expect(fleet).toMatchObject({ unreached: [], uncounted: [] });
    expect(fleet.members).toEqual(fleet.nodes);
  });

  test.each([
    ['pending', 'it is starting'],
    ['stopping', 'it is stopping'],
    ['stopped', 'it is stopped'],
    ['shutting-down', 'it is being terminated'],
    ['terminated', 'it is terminated'],
  ])('not one that is %s: it does not count', (state, reason) => {
    expect(fleetOf(node('i-1', { state }))).toEqual({
      ...{ nodes: [], members: [], unreached: [] },
      uncounted: [{ node: 'i-1', reason }],
    });
  });

  test.each([
    [899, false],
    [900, true],
    // A clock that is behind.
    [-5, false],
  ])('not one that was started %d seconds ago, unless it has settled', (seconds, isAsked) => {
    const fleet = fleetOf(node('i-1', { launchedAt: ago(seconds) }));
    expect(fleet.nodes).toHaveLength(isAsked ? 1 : 0);
    expect(fleet.uncounted).toHaveLength(isAsked ? 0 : 1);
    expect(fleet.unreached).toEqual([]);
  });

  test('says how long a young one has to wait', () => {
    const [young] = fleetOf(node('i-1', { launchedAt: ago(65) })).uncounted;
    expect(young?.reason).toBe(
      'it was started 1 minute ago and may still be set up: it counts after 15 minutes (nodes.settle)',
    );
    expect(formFleet([node('i-1', { launchedAt: ago(1) })], { ...options(), settleSeconds: 0 }).nodes).toHaveLength(1);
  });

  test.each([
    ['Windows', { platform: 'Windows' }, /^it runs Windows, where Ansible cannot look .*: select Linux nodes only$/],
    ['MacOS', { platform: 'MacOS' }, /^it runs MacOS/],
    ['unknown to SSM', { agent: null }, /^SSM does not know it: start the SSM agent .*AmazonSSMManagedInstanceCore$/],
    [
      'offline',
      { agent: { online: false, status: 'ConnectionLost', lastSeen: ago(60) } },
      'its SSM agent is offline since 2026-11-27T07:59:00.000Z (ConnectionLost): start the agent, or terminate the node',
    ],
    [
      'offline, who knows since when',
      { state: 'registered', agent: { online: false, status: 'Inactive', lastSeen: null } },
      'its SSM agent is offline (Inactive): start the agent, or terminate the node',
    ],
    ['in a state of which we know nothing', { state: 'rebooting' }, /^EC2 says that it is "rebooting"/],
  ] as const)('not one that is %s: it counts and is unreached', (_, more, reason) => {
    const fleet = fleetOf(node('i-1', more as Partial<FoundNode>), node('i-2'));
    expect(fleet.nodes.map(({ id }) => id)).toEqual(['i-2']);
    expect(fleet.members.map(({ id }) => id)).toEqual(['i-1', 'i-2']);
    expect(fleet.unreached.map((one) => one.node)).toEqual(['i-1']);
    expect(fleet.unreached[0]?.reason).toMatch(reason);
  });

  test('a node that the config names and nobody knows is unreached', () => {
    const fleet = formFleet([node('i-1')], options({ ids: ['i-1', 'mi-9', 'mi-9'] }));
    expect(fleet.unreached).toEqual([
      { node: 'mi-9', reason: 'there is no such node in this account and region: mend nodes.select' },
    ]);
  });

  test('one that is found twice is one', () => {
    expect(fleetOf(node('i-1'), node('i-1')).nodes).toHaveLength(1);
  });

  test.each([
    [
      [],
      1,
      'the only selected node does not count, i-9: it was started 0 seconds ago and may still be set up: it counts after 15 minutes (nodes.settle)',
    ],
    [['i-1'], 1, null],
    [['i-1'], 3, 'only 1 node counts, fewer than nodes.minNodes (3): start the others, or lower it'],
    [['i-1', 'i-2'], 3, 'only 2 nodes count, fewer than nodes.minNodes (3): start the others, or lower it'],
  ])('%j of %d are enough or not', (ids, minNodes, reason) => {
    const offline = { online: false, status: 'ConnectionLost', lastSeen: null };
    const young = node('i-9', { launchedAt: NOW });
    expect(tooFew(fleetOf(...ids.map((id) => node(id, { agent: offline })), young), minNodes)).toBe(reason);
  });

  test('none that counts is not none that is selected', () => {
    const none = (...found: readonly FoundNode[]) => tooFew(fleetOf(...found), 1);
    expect(none()).toBe('no node is selected: mend nodes.select, or start nodes with these tags');
    expect(none(node('i-1', { state: 'stopped' }))).toBe('the only selected node does not count, i-1: it is stopped');
    expect(none(node('i-1', { state: 'pending' }), node('i-2', { launchedAt: NOW }))).toBe(
      'none of 2 selected nodes counts, i-1: it is starting',
    );
    const gone = formFleet([], options({ ids: ['i-1', 'i-2'] }));
    expect(tooFew(gone, 1)).toMatch(
      /^none of 2 selected nodes counts, i-1: there is no such node .*mend nodes\.select$/,
    );
  });
});

describe('names', () => {
  const named = (...names: readonly string[]) =>
    fleetOf(...names.map((Name, at) => node(`i-0${at}`, { tags: { Role: 'minion', Name } }))).nodes.map(
      ({ name }) => name,
    );

  test('are tags that tell nodes apart', () => {
    expect(named('web-1', 'web_2.acme.example')).toEqual(['web-1', 'web_2.acme.example']);
    expect(named('web', 'web', 'db')).toEqual(['i-00', 'i-01', 'db']);
  });

  test.each([
    ['', 'all', 'ALL', 'localhost', 'ungrouped', '127.0.0.1', '1', 'true'],
    ['-web', '.', 'web 1', "w'eb", 'w"eb', 'w,eb', 'w:eb', '!web', '&web', 'web[0]', 'web*', '~web', '@web', '{{ x }}'],
    ['wéb', 'ｗeb', 'w\u202eeb', 'web\n', 'web\u0000', 'x'.repeat(65), 'x'.repeat(300)],
    // The id of another node, and what only looks like one.
    ['i-00', 'i-01', 'mi-0123', 'I-0ABC'],
    // A group of the fleet: the playbook means all of it.
    ['minion', 'tag_Role_minion'],
  ])('are ids in place of %j', (...names) => {
    expect(named(...names).toSorted()).toEqual(names.map((_, at) => `i-0${at}`).toSorted());
  });

  test('of nodes that do not count take nothing from those that do', () => {
    const tags = { Role: 'minion', Name: 'web' };
    const fleet = fleetOf(node('i-1', { tags }), node('i-2', { tags, state: 'terminated' }));
    expect(fleet.nodes[0]?.name).toBe('web');
    expect(fleet.uncounted).toEqual([{ node: 'web (i-2)', reason: 'it is terminated' }]);
  });
});

describe('groups', () => {
  const groups = (tags: Readonly<Record<string, string>>, select: NodeSelect = BY_ROLE) =>
    formFleet([node('i-1', { tags })], options(select)).nodes[0]?.groups;

  test('are the values that select it, and every tag', () => {
    expect(groups({ Role: 'master', Env: 'prod', Name: 'm' })).toEqual([
      ...['master', 'tag_Env_prod', 'tag_Name_m', 'tag_Role_master'],
    ]);
    expect(groups({ Role: 'k8s-master' })).toEqual(['k8s-master', 'k8s_master', 'tag_Role_k8s_master']);
    expect(groups({ 'aws:autoscaling:groupName': 'a b' }, { ids: ['i-1'] })).toEqual([
      'tag_aws_autoscaling_groupName_a_b',
    ]);
  });

  test.each([
    ['all', ['tag_Role_all']],
    ['ALL', ['tag_Role_ALL']],
    ['ungrouped', ['tag_Role_ungrouped']],
    ['localhost', ['tag_Role_localhost']],
    ['_meta', ['tag_Role__meta']],
    // The id of this node, of another one, and what a pattern of hosts would be.
    ['i-1', ['i_1', 'tag_Role_i_1']],
    ['mi-0123', ['mi_0123', 'tag_Role_mi_0123']],
    ['!master', ['_master', 'tag_Role__master']],
    ['a:&b', ['a__b', 'tag_Role_a__b']],
    ['"; rm', ['___rm', 'tag_Role____rm']],
    ['', ['tag_Role_']],
    ['日本', ['tag_Role___']],
    ['x'.repeat(300), []],
  ])('are made of %j without harm', (value, expected) => {
    expect(groups({ Role: value })).toEqual(expected);
  });

  test('are not made of what every object has', () => {
    expect(groups({}, { tags: { constructor: ['x'], toString: ['y'] } })).toEqual([]);
  });
});

describe('whatever tags hold', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom('all', 'localhost', 'ungrouped', 'i-00', 'i-01', 'mi-02', 'master', 'tag_Role_master', '__proto__'),
  );
  const tags = fc
    .array(fc.tuple(fc.oneof(fc.constantFrom('Name', 'Role', '__proto__'), hostile), hostile), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries));
  const states = fc.constantFrom('running', 'running', 'registered', 'stopped', 'terminated', 'odd');
  const found = fc
    .array(fc.tuple(tags, states, fc.boolean()), { maxLength: 5 })
    .map((all) =>
      all.map(([own, state, isOnline], at) => node(`i-0${at}`, { tags: own, state, agent: isOnline ? online : null })),
    );

  test('names are single and safe, no group is one of them, and none has a meaning for Ansible', () => {
    fc.assert(
      fc.property(found, (nodes) => {
        const { members } = fleetOf(...nodes);
        const names = members.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        for (const { id, name, groups } of members) {
          expect(name === id || /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)).toBe(true);
          // No node goes by another one's id.
          expect(members.some((other) => other.id !== id && other.id === name)).toBe(false);
          for (const group of [...groups, name]) expect(/^(all|ungrouped|localhost)$/i.test(group)).toBe(false);
          for (const group of groups) {
            expect(group).toMatch(/^[A-Za-z0-9_.-]{1,128}$/);
            expect(names).not.toContain(group);
          }
        }
      }),
    );
  });

  test('every node is asked, unreached or not counted, in one way and whatever their order', () => {
    fc.assert(
      fc.property(found, (nodes) => {
        const fleet = fleetOf(...nodes);
        const { nodes: asked, members, unreached, uncounted } = fleet;
        expect(asked.length + unreached.length + uncounted.length).toBe(nodes.length);
        expect(members).toHaveLength(asked.length + unreached.length);
        expect(fleetOf(...nodes.toReversed())).toEqual(fleet);
      }),
    );
  });
});
