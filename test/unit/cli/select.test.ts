import { describe, expect, test } from 'vitest';
import { selectTargets } from '#cli/select.ts';
import { parseConfig } from '#drift/config/parse.ts';

const parsed = parseConfig(
  `version: 1
environments: { prod: {}, staging: {} }
targets:
  network: { in: [prod, staging], terraform: { path: a } }
  net.work: { in: [prod], terraform: { path: b } }
`,
  'c',
  null,
);
if (!parsed.ok) throw new Error('the config is right');
const { targets } = parsed.config;
const names = (...wanted: string[]) => selectTargets(targets, wanted).map(({ name }) => name);

describe('names and patterns', () => {
  test.each<[string[], string[]]>([
    [[], ['prod/network', 'staging/network', 'prod/net.work']],
    [['prod/network'], ['prod/network']],
    [['prod/*'], ['prod/network', 'prod/net.work']],
    [['*/network'], ['prod/network', 'staging/network']],
    [['prod/net?work'], ['prod/net.work']],
    [['prod/net.work'], ['prod/net.work']],
    [
      ['*', 'prod/network'],
      ['prod/network', 'staging/network', 'prod/net.work'],
    ],
  ])('%j', (wanted, expected) => {
    expect(names(...wanted).sort()).toEqual([...expected].sort());
  });

  test('all that fit nothing are said, with what is near', () => {
    expect(() => names('prod/netwrk', 'prod/network', 'qa/*')).toThrow(
      /^there is no target prod\/netwrk; near are prod\/network, .*\nthere is no target qa\/\*; near are .*$/,
    );
  });

  test('a config without targets is no success', () => {
    expect(() => selectTargets([], [])).toThrow('there is nothing to check');
  });
});
