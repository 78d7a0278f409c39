import { describe, expect, test } from 'vitest';
import { deployed } from '#drift/names.ts';
import { SHARDS, shardOf } from '#infra/shards.ts';
import { deployment, resourcesOf, settingsFrom } from './synth.ts';

/** A config of one environment with these targets. */
function configOf(targets: readonly string[]): string {
  const lines = targets.map(
    (name) =>
      `  ${name}: { in: [prod], source: infra, schedule: rate(1 hour), terraform: { path: terraform/${name} } }`,
  );
  return `
version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: plumbline, severity: critical } }
targets:
${lines.join('\n')}
notify: { critical: { email: [a@acme.example] } }
`;
}

const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `target-${index}`);

/** Which stack holds which schedule or alarm, with the name it has in the template. */
function placesOf(targets: readonly string[]): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  for (const { stack, id, properties } of resourcesOf(deployment(settingsFrom(configOf(targets))))) {
    if (stack.startsWith('Targets')) places.set(properties.AlarmName ?? properties.Name, `${stack} ${id}`);
  }
  return places;
}

describe('targets are dealt to stacks', () => {
  test('by their name alone: another target moves none', () => {
    const before = placesOf(numbered(30));
    const after = placesOf(['aaa', ...numbered(31)]);
    expect(before.size).toBe(30 * 3);
    expect(after.size).toBe(32 * 3);
    for (const [name, place] of before) expect(after.get(name), name).toBe(place);
  });

  test('only into stacks that have some', () => {
    const { core, shards } = deployment(settingsFrom(configOf(['network'])));
    expect(shards.map((shard) => shard.node.id)).toEqual([`Targets${shardOf('prod/network')}`]);
    const nested = resourcesOf({ core, shards, app: deployment().app }).filter(
      ({ type }) => type === 'AWS::CloudFormation::Stack',
    );
    expect(nested).toHaveLength(1);
  });

  test('evenly enough for 2,000: at most 450 resources in each', () => {
    const sizes = new Map<string, number>();
    for (const name of numbered(2000)) {
      const shard = shardOf(`prod/${name}`);
      sizes.set(shard, (sizes.get(shard) ?? 0) + 3);
    }
    expect(sizes.size).toBe(SHARDS);
    expect(Math.max(...sizes.values())).toBeLessThanOrEqual(450);
  });

  test('and where one would hold too many, that is said at synth', () => {
    const all = Array.from({ length: 5000 }, (_, index) => `t${index}`);
    const shard = shardOf('prod/t0');
    const crowd = all.filter((name) => shardOf(`prod/${name}`) === shard);
    expect(crowd.length).toBeGreaterThan(163);
    expect(() => deployment(settingsFrom(configOf(crowd)))).toThrow(/too many targets for one deployment/);
  });
});

test('a target with the longest names has a schedule of a length that AWS takes', () => {
  const name = `${'e'.repeat(40)}/${'n'.repeat(40)}`;
  const schedule = deployed.schedule(name);
  expect(schedule).toHaveLength(64);
  expect(schedule).not.toBe(deployed.schedule(`${name.slice(0, -1)}m`));
});
