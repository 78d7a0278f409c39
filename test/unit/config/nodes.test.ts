import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { NodesTarget } from '#drift/target.ts';

const HEAD = `version: 1
sources: { infra: { url: https://git.example/infra.git } }
environments:
  prod: { account: "111111111111", region: eu-west-1, role: plumbline, values: { tier: web, db: prod/db } }
  laptop: { values: { tier: web } }
targets:
  network: { in: [prod], source: infra, terraform: { path: terraform/network } }
  beside: { in: [prod], terraform: { path: terraform/beside } }
`;
const TAIL = 'notify: { warning: { email: [a@acme.example] } }\n';
const withNodes = (nodes: string, more = 'in: [prod], source: infra'): string =>
  `${HEAD}  nodes: { ${more}, nodes: ${nodes} }\n${TAIL}`;
const errorsOf = (text: string): string => {
  const parsed = parseConfig(text, 'plumbline.yaml', null);
  return parsed.ok ? '' : formatConfigErrors(parsed.errors);
};
const targetOf = (text: string): NodesTarget => {
  const parsed = parseConfig(text, 'plumbline.yaml', null);
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  const target = parsed.config.targets.find(({ layer }) => layer === 'nodes');
  if (target?.layer !== 'nodes') throw new Error('no target of nodes');
  return target;
};

/** What the config refuses, each for a reason of its own: places for values, lost digits, references below the top. */
function isRefused(given: unknown): boolean {
  if (typeof given === 'string') return given.includes('${');
  if (typeof given === 'number') return Number.isInteger(given) && !Number.isSafeInteger(given);
  if (typeof given !== 'object' || given === null) return false;
  const entries = Object.entries(given);
  const [[key, name] = ['', null]] = entries;
  const isReference = entries.length === 1 && /^(secret|parameter)$/.test(key) && typeof name === 'string';
  return isReference || entries.some(([name, value]) => name === '__proto__' || isRefused(value));
}

describe('a target of nodes', () => {
  it('has a default for all but its playbook and its nodes', () => {
    expect(targetOf(withNodes('{ playbook: ansible/site.yml, select: { "tag:Role": master } }'))).toMatchObject({
      name: 'prod/nodes',
      layer: 'nodes',
      timeoutSeconds: 1800,
      confirmSeconds: 0,
      nodes: {
        playbook: 'ansible/site.yml',
        select: { tags: { Role: ['master'] } },
        extraVars: {},
        secretVars: {},
        extraVarsFiles: [],
        tags: [],
        skipTags: [],
        secretVariables: [],
        minNodes: 1,
        settleSeconds: 900,
        concurrency: '50',
      },
    });
  });

  it('has the values of its environment in every text, at any depth', () => {
    const { nodes } = targetOf(
      withNodes(`{ playbook: "\${tier}/site.yml", inventory: "\${tier}/hosts", select: { "tag:Role": [master, "\${tier}"], "tag:Env": "\${environment}", "tag:cluster/\${environment}": owned },
      extraVars: { cluster: "\${environment}", list: [1, "\${tier}", { deep: { er: "\${tier}-x", no: null, yes: true } }],
        net: "\${output:prod/network.pod_cidrs}", all: { of: ["a \${output:prod/network.id}"] },
        password: { secret: prod/db }, token: { parameter: /prod/token }, other: { secret: a, with: b } },
      extraVarsFiles: ["vars/\${environment}.yml"], tags: ["\${tier}"], skipTags: [slow], vaultPassword: { secret: vault },
      secretVariables: [plain_name], minNodes: 3, settle: 1h, concurrency: "10%" }`),
    );
    expect(nodes).toEqual({
      playbook: 'web/site.yml',
      inventory: 'web/hosts',
      select: { tags: { Role: ['master', 'web'], Env: ['prod'], 'cluster/prod': ['owned'] } },
      extraVars: {
        cluster: 'prod',
        list: [1, 'web', { deep: { er: 'web-x', no: null, yes: true } }],
        net: '$'.concat('{output:prod/network.pod_cidrs}'),
        all: { of: ['a $'.concat('{output:prod/network.id}')] },
        other: { secret: 'a', with: 'b' },
      },
      secretVars: { password: { secret: 'prod/db' }, token: { parameter: '/prod/token' } },
      extraVarsFiles: ['vars/prod.yml'],
      tags: ['web'],
      skipTags: ['slow'],
      vaultPassword: { secret: 'vault' },
      secretVariables: ['plain_name'],
      minNodes: 3,
      settleSeconds: 3600,
      concurrency: '10%',
    });
  });

  it.each([
    ['{ ids: [i-0123456789abcdef0, mi-0123456789abcdef0] }', { ids: ['i-0123456789abcdef0', 'mi-0123456789abcdef0'] }],
    [`{ resourceGroup: "nodes-\${environment}" }`, { resourceGroup: 'nodes-prod' }],
  ])('selects by %s', (select, wanted) => {
    expect(targetOf(withNodes(`{ playbook: a.yml, select: ${select} }`)).nodes.select).toEqual(wanted);
  });

  it('is checked by hand over an inventory, with hosts of it and a password from a file', () => {
    const text = withNodes(
      '{ playbook: site.yml, inventory: hosts.ini, limit: "web*", vaultPassword: { file: ../pw } }',
      'in: [laptop]',
    );
    expect(targetOf(text).nodes).toMatchObject({
      inventory: 'hosts.ini',
      limit: 'web*',
      vaultPassword: { file: '../pw' },
    });
  });

  const select = 'select: { "tag:Role": [a] }';

  it.each(['1000', '"1000"', '999', '"1"', '"100%"', '10%'])('asks %s nodes at the same time', (concurrency) => {
    const { nodes } = targetOf(withNodes(`{ playbook: a, ${select}, concurrency: ${concurrency} }`));
    expect(nodes.concurrency).toBe(concurrency.replaceAll('"', ''));
  });

  it('takes variables that mean one thing as they are written', () => {
    const written =
      '{ a: "0644", b: 1.5, c: true, d: "yes", e: y, f: 1.2.3, g: -7, h: ~, i: "2.0", k: v1, l: 0, m: 10.0.0.1, n: a, o: \'07\' }';
    expect(targetOf(withNodes(`{ playbook: a, ${select}, extraVars: ${written} }`)).nodes.extraVars).toEqual({
      ...{ a: '0644', b: 1.5, c: true, d: 'yes', e: 'y', f: '1.2.3', g: -7, h: null, i: '2.0', k: 'v1', l: 0 },
      ...{ m: '10.0.0.1', n: 'a', o: '07' },
    });
  });
  it.each<[string, string, RegExp]>([
    [
      '{ playbook: ../x.yml, SELECT }',
      '',
      /:9:\d+: targets\.nodes\.nodes\.playbook: a path must lie inside the repository/,
    ],
    ['{ SELECT }', '', /targets\.nodes\.nodes\.playbook: is missing; write a path/],
    [
      '{ playbook: a, playbok: b, SELECT }',
      '',
      /nodes\.playbok: is no key that Plumbline knows; did you mean "playbook"/,
    ],
    ['{ playbook: a }', '', /targets\.nodes\.nodes\.select: is missing: write which nodes the service asks/],
    ['{ playbook: a }', 'in: [laptop]', /targets\.nodes\.nodes\.inventory: is missing: .*write its path/],
    ['{ playbook: a, select: { Role: [a] } }', '', /nodes\.select: write \{ "tag:Role": \[master, minion\] \}/],
    ['{ playbook: a, select: { ids: [web1] } }', '', /select\.ids\.0: write the id of a node/],
    ['{ playbook: a, select: {} }', '', /nodes\.select/],
    [
      '{ playbook: a, select: { resourceGroup: "a b" } }',
      '',
      /select\.resourceGroup: "a b" is no name of a resource group/,
    ],
    ['{ playbook: a, SELECT, limit: web }', '', /nodes\.limit: is of an inventory: write inventory/],
    ['{ playbook: a, SELECT, inventory: b, limit: web }', '', /nodes\.limit: is for local checks/],
    [
      '{ playbook: a, SELECT, vaultPassword: { file: pw } }',
      '',
      /vaultPassword\.file: the service cannot read the file pw; write \{ secret/,
    ],
    [
      '{ playbook: a, SELECT, vaultPassword: hunter2 }',
      '',
      /vaultPassword: write \{ secret: name \}.*never the value itself/,
    ],
    ['{ playbook: a, SELECT, tags: web }', '', /nodes\.tags: write the tags as a list/],
    ['{ playbook: a, SELECT, tags: ["a,b"] }', '', /tags\.0: a tag has no spaces and commas/],
    ['{ playbook: a, SELECT, extraVars: [a] }', '', /extraVars: write the variables as a map/],
    ['{ playbook: a, SELECT, extraVars: { "1a": b } }', '', /extraVars\.1a: .*a variable has letters/],
    [
      '{ playbook: a, SELECT, extraVars: { a: 9007199254740993 } }',
      '',
      /extraVars\.a: has a number that is not read as it is written/,
    ],
    ...(
      [
        ['0644', /extraVars\.a: would reach Ansible as 644: write "0644" in quotes, or 644/],
        ['1.10', /extraVars\.a: would reach Ansible as 1\.1: write "1\.10" in quotes/],
        ['2.0', /extraVars\.a: would reach Ansible as 2: write "2\.0" in quotes/],
        ['0.12345678901234567891', /extraVars\.a: would reach Ansible as 0\.123456789012345\d+: write "0\.1/],
        ['1e3', /extraVars\.a: would reach Ansible as 1000/],
        ['0o17', /extraVars\.a: would reach Ansible as 15/],
        ['yes', /extraVars\.a: is a text here and none in a file of Ansible's: write "yes" in quotes, or true/],
        ['off', /extraVars\.a: .*write "off" in quotes, or false/],
        ['12:30', /extraVars\.a: .*write "12:30" in quotes$/],
        ['1_000', /extraVars\.a: .*write "1_000" in quotes$/],
        ['2026-11-27T08:00:00Z', /extraVars\.a: .*write "2026-/],
        ['[b, { c: 07 }]', /:9:\d+: targets\.nodes\.nodes\.extraVars\.a\.1\.c: would reach Ansible as 7/],
      ] as const
    ).map(([value, why]): [string, string, RegExp] => [`{ playbook: a, SELECT, extraVars: { a: ${value} } }`, '', why]),
    ['{ playbook: a, SELECT, extraVars: { a: .nan } }', '', /extraVars\.a: has a number that is not/],
    [
      '{ playbook: a, SELECT, extraVars: { a: [[[[[[[[[[[b]]]]]]]]]]] } }',
      '',
      /extraVars\.a: is more than 10 levels deep/,
    ],
    [
      '{ playbook: a, SELECT, extraVars: { a: { b: ["$(nope)$"] } } }',
      '',
      /extraVars\.a\.b\.0: \$\{nope\} is no value of prod; known/,
    ],
    [
      '{ playbook: a, SELECT, extraVars: { a: [{ b: "$(output:prod/net.id)$" }] } }',
      '',
      /:9:\d+: targets\.nodes\.nodes\.extraVars\.a\.0\.b: .*did you mean "prod\/network"/,
    ],
    [
      '{ playbook: a, SELECT, extraVars: { a: "$(output:prod/beside.id)$" } }',
      '',
      /no target prod\/beside is checked by the service/,
    ],
    ['{ playbook: a, SELECT, extraVars: { a: "$(output:network)$" } }', '', /names no output: write <environment>/],
    [
      '{ playbook: "$(output:prod/network.id)$", SELECT }',
      '',
      /nodes\.playbook: \$\{output:prod\/network\.id\} is no value/,
    ],
    [
      '{ playbook: a, SELECT, extraVars: { db: { user: a, hosts: [{ password: { secret: prod/db } }] } } }',
      '',
      /extraVars\.db\.hosts\.0\.password: would not be read: make a variable of it/,
    ],
    ['{ playbook: a, SELECT, minNodes: 0 }', '', /minNodes: at least 1 node/],
    ['{ playbook: a, SELECT, settle: 2d }', '', /settle: a node is settled within 1d/],
    ['{ playbook: a, SELECT, concurrency: 0 }', '', /concurrency: write how many nodes/],
    ['{ playbook: a, SELECT, concurrency: 1001 }', '', /concurrency: write how many nodes/],
    ['{ playbook: a, SELECT, concurrency: "1001" }', '', /concurrency: write how many nodes/],
    ['{ playbook: a, SELECT, concurrency: "101%" }', '', /concurrency: write how many nodes/],
    ['{ playbook: a, SELECT }, timeout: 51m', '', /timeout: a timeout is 1m to 50m for nodes/],
    [
      '{ playbook: a, SELECT }, allowOtherCommits: true',
      '',
      /allowOtherCommits: is not for nodes: a playbook runs on them as root/,
    ],
    [
      '{ playbook: a, SELECT }, kubernetes: { manifests: k }',
      '',
      /kubernetes: is beside nodes: a target is of one layer/,
    ],
  ])('%s %s: an error with a place and a remedy', (nodes, more, wanted) => {
    expect(
      errorsOf(
        withNodes(
          nodes.replace('SELECT', select).replaceAll('$(', '${').replaceAll(')$', '}'),
          ...(more === '' ? [] : [more]),
        ),
      ),
    ).toMatch(wanted);
  });

  it('has bounds: many, long and deep variables end in an error, and none in a crash', () => {
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`v${index}`, index]));
    expect(errorsOf(withNodes(`{ playbook: a, ${select}, extraVars: ${JSON.stringify(many)} }`))).toMatch(
      /at most 200/,
    );
    const long = JSON.stringify({ a: 'x'.repeat(70_000) });
    expect(errorsOf(withNodes(`{ playbook: a, ${select}, extraVars: ${long} }`))).toMatch(/longer than 64 KB/);
    const deep = `{ a: ${'['.repeat(20_000)}${']'.repeat(20_000)} }`;
    expect(errorsOf(withNodes(`{ playbook: a, ${select}, extraVars: ${deep} }`))).not.toBe('');
  });

  it('takes every value that JSON has, and gives it back as it was', () => {
    const value = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
    fc.assert(
      fc.property(value, (given) => {
        fc.pre(!isRefused(given));
        const text = withNodes(`{ playbook: a, ${select}, extraVars: { given: ${JSON.stringify(given)} } }`);
        expect(targetOf(text).nodes.extraVars).toEqual({ given: JSON.parse(JSON.stringify(given)) });
      }),
      { numRuns: 100 },
    );
  });
});
