import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RightsQuestions } from '#cli/doctor/rights.ts';
import { readsText, writesText } from '#cli/doctor/rights-text.ts';
import type { WantedKind } from '#cli/doctor/wanted.ts';
import type { AllowingRule, Deed, Rights, RulesIn } from '#services/cluster/rights.ts';

const kind = (name: string, namespaces: readonly string[] = ['shop'], more: Partial<WantedKind> = {}): WantedKind => {
  const [resource = '', ...group] = name.split('.');
  const isEverywhere = namespaces.length === 0;
  return {
    ...{ group: group.join('.'), resource, namespaces, isEverywhere, isBuiltin: true, isDeclared: true },
    ...more,
  };
};
const rule = (verbs: string, resources: string, group = '*', isNarrow = false): AllowingRule => ({
  ...{ verbs: verbs.split(' '), resources: resources.split(' '), groups: [group], isNarrow },
});

/** An API server with RBAC: rules that hold everywhere, rules in namespaces, and what something beside RBAC allows. */
class Server implements Rights {
  asked = 0;
  beside: ((deed: Deed) => boolean) | null = null;
  readonly #wide: readonly AllowingRule[];
  readonly #narrow: Readonly<Record<string, readonly AllowingRule[]>>;

  constructor(wide: readonly AllowingRule[], narrow: Readonly<Record<string, readonly AllowingRule[]>> = {}) {
    this.#wide = wide;
    this.#narrow = narrow;
  }

  async may(deed: Deed): Promise<boolean> {
    this.asked += 1;
    return this.allows(deed);
  }

  async rules(namespace: string): Promise<RulesIn> {
    this.asked += 1;
    return { rules: this.#in(namespace), isWhole: this.beside === null };
  }

  allows(deed: Deed): boolean {
    const resource = deed.subresource === undefined ? deed.resource : `${deed.resource}/${deed.subresource}`;
    const has = (texts: readonly string[], text: string): boolean => texts.includes('*') || texts.includes(text);
    const rules = this.#in(deed.namespace);
    const isAllowed = rules.some(
      ({ verbs, groups, resources, isNarrow }) =>
        !isNarrow && has(verbs, deed.verb) && has(groups, deed.group) && has(resources, resource),
    );
    return isAllowed || this.beside?.(deed) === true;
  }

  #in(namespace: string | null): readonly AllowingRule[] {
    return [...this.#wide, ...(namespace === null ? [] : (this.#narrow[namespace] ?? []))];
  }
}

const KINDS = [kind('namespaces', []), kind('services'), kind('deployments.apps', ['shop', 'web']), kind('jobs.batch')];
const READER = [
  rule('get list', 'namespaces services', ''),
  rule('get list', '*', 'apps'),
  rule('get list', '*', 'batch'),
];

const ask = async (server: Rights, kinds: readonly WantedKind[] = KINDS) => {
  const questions = new RightsQuestions(server, kinds);
  return {
    reads: (await questions.refusedReads()).map(({ verb, kind: of, namespaces }) => [verb, of.resource, namespaces]),
    writes: (await questions.allowedWrites()).map(({ verb, what, namespaces }) => [verb, what, namespaces]),
    runs: await questions.allowedRuns(),
  };
};
const NOTHING = { reads: [], writes: [], runs: [] };

describe('rights', () => {
  test('to read and nothing else', async () => {
    expect(await ask(new Server(READER))).toEqual(NOTHING);
  });

  test('to read anything: with `*` also what is more than reading', async () => {
    const server = new Server([rule('get list', '*')]);
    expect(await ask(server)).toEqual({ ...NOTHING, runs: ['pods/exec', 'nodes/proxy'] });
    expect(server.asked).toBeLessThan(10);
  });

  test('in some namespaces', async () => {
    const server = new Server([rule('list', 'services', '')], { shop: READER });
    expect((await ask(server)).reads).toEqual([
      ['list', 'namespaces', null],
      ['list', 'deployments', ['web']],
    ]);
  });

  test('to list without to get, and for some names only', async () => {
    const server = new Server([rule('list', '*'), rule('get', 'services', '', true)]);
    expect((await ask(server)).reads.map(([verb, resource]) => `${verb} ${resource}`)).toEqual([
      'get namespaces',
      'get services',
      'get deployments',
      'get jobs',
    ]);
  });

  test.each<[string, AllowingRule, string[]]>([
    ['of a kind', rule('patch', 'deployments', 'apps'), ['patch deployments.apps']],
    ['of a part of it', rule('update', 'deployments/scale', 'apps'), ['update deployments.apps']],
    ['of a part of anything', rule('update', '*/scale', 'batch'), ['update jobs.batch']],
    ['of some names', rule('delete', 'services', '', true), ['delete services']],
    [
      'with every verb',
      rule('*', 'services', ''),
      ['create', 'update', 'patch', 'delete'].map((verb) => `${verb} services`),
    ],
    ['of anything', rule('create', '*'), ['create anything']],
    ['of what is not declared', rule('create', 'selfsubjectaccessreviews', 'authorization.k8s.io'), []],
  ])('to write %s', async (_what, writing, expected) => {
    for (const server of [new Server([...READER, writing]), new Server(READER, { shop: [writing] })]) {
      expect((await ask(server)).writes.map(([verb, what]) => `${verb} ${what}`)).toEqual(expected);
    }
  });

  test('beside RBAC are asked for one by one', async () => {
    const server = new Server([]);
    server.beside = ({ verb, resource, namespace }) =>
      (verb === 'patch' && resource === 'jobs') ||
      (verb !== 'patch' && resource === 'services' && namespace === 'shop');
    const { reads, writes } = await ask(server);
    expect(reads.map(([verb, resource]) => `${verb} ${resource}`)).toEqual([
      'list namespaces',
      'list deployments',
      'list jobs',
    ]);
    expect(writes).toEqual([['patch', 'jobs.batch', null]]);
  });

  const names = ['services', 'secrets', 'deployments.apps', 'jobs.batch', 'cronjobs.batch', 'certificates.acme.io'];
  const places = ['shop', 'web', 'mail'];
  const someRules = fc.array(
    fc
      .tuple(
        fc.subarray(['get', 'list', 'patch', '*'], { minLength: 1 }),
        fc.constantFrom('', 'apps', 'batch', 'acme.io', '*'),
        fc.subarray(['services', 'secrets', 'deployments', 'jobs', 'cronjobs', 'certificates', '*'], { minLength: 1 }),
      )
      .map(([verbs, group, resources]) => rule(verbs.join(' '), resources.join(' '), group)),
    { maxLength: 4 },
  );

  test('are found as if every question had been asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.constantFrom(...names), fc.subarray(places)), {
          selector: ([name]) => name,
          minLength: 1,
        }),
        someRules,
        fc.dictionary(fc.constantFrom(...places), someRules),
        fc.boolean(),
        async (wanted, wide, narrow, isMore) => {
          const kinds = wanted.map(([name, where]) => kind(name, where));
          const server = new Server(wide, narrow);
          if (isMore) server.beside = ({ resource, namespace }) => resource === 'jobs' && namespace !== null;
          const refused = (verb: string, { group, resource, namespaces, isEverywhere }: WantedKind) => {
            if (server.allows({ verb, group, resource, namespace: null })) return [];
            if (isEverywhere) return ['everywhere'];
            return namespaces.filter((namespace) => !server.allows({ verb, group, resource, namespace }));
          };
          const expected = kinds.flatMap((of) => {
            const [list, get] = [refused('list', of), refused('get', of)];
            const [verb, where] = list.length > 0 ? ['list', list] : ['get', get];
            return where.length === 0 ? [] : [`${verb} ${of.resource} ${where.join(' ')}`];
          });
          const { reads } = await ask(server, kinds);
          const found = reads.map(([verb, resource, where]) =>
            [verb, resource, ...((where as string[] | null) ?? ['everywhere'])].join(' '),
          );
          expect(found.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    ['nothing', []],
    ['everything but to get', [rule('list', '*')]],
    ['each kind by its name', Array.from({ length: 40 }, (_, index) => rule('get list', `kinds${index}`))],
  ])('on forty kinds in fourteen namespaces are few questions, with %s allowed', async (_what, rules) => {
    const spread = Array.from({ length: 14 }, (_, index) => `namespace-${index}`);
    const server = new Server(rules);
    server.beside = () => false;
    await ask(
      server,
      Array.from({ length: 40 }, (_, index) => kind(`kinds${index}.group${index % 12}`, spread)),
    );
    expect(server.asked).toBeLessThan(190);
  });
});

describe('in words', () => {
  const role = { kind: 'role', subject: 'the group plumbline' } as const;
  const certificates = kind('certificates.cert-manager.io', ['shop'], { isBuiltin: false });
  const texts = (of: ReturnType<typeof readsText>) => of.map(({ ok, text }) => `${ok ? '✓' : '✗'} ${text}`);

  test('what is allowed', () => {
    expect(texts([...readsText('prod', role, KINDS, []), ...writesText('prod', role, [], [])])).toEqual([
      '✓ the group plumbline may get and list all 4 kinds that checks read',
      '✓ the group plumbline may write none of them',
    ]);
  });

  test('kinds that are refused alike are one line, custom ones have their rule', () => {
    const refusals = [
      { verb: 'list', kind: kind('services'), namespaces: ['shop'] },
      { verb: 'list', kind: certificates, namespaces: ['shop'] },
      { verb: 'get', kind: kind('nodes', []), namespaces: null },
    ] as const;
    const added = '{ apiGroups: [cert-manager.io], resources: [certificates], verbs: [get, list] }';
    expect(texts(readsText('prod', role, [...KINDS, certificates], refusals))).toEqual([
      `✗ the group plumbline may not list services, certificates.cert-manager.io in namespace shop: add to the ClusterRole plumbline-reader ${added}, and run: kubectl apply -f infra/cluster-access/reader.yaml`,
      '✗ the group plumbline may not get nodes: run: kubectl apply -f infra/cluster-access/reader.yaml',
    ]);
  });

  test('a person has to ask', () => {
    const refusals = [{ verb: 'list', kind: kind('services'), namespaces: ['shop'] }] as const;
    expect(texts(readsText('prod', { kind: 'person', subject: 'you' }, KINDS, refusals))).toEqual([
      '✗ you may not list services in namespace shop: ask an admin of the cluster for { apiGroups: [""], resources: [services], verbs: [get, list] }',
    ]);
  });

  test('long lists are cut', () => {
    const many = Array.from({ length: 20 }, (_, index) => kind(`kind${index}`));
    const refusals = many.map((of) => ({ verb: 'get', kind: of, namespaces: ['shop'] }) as const);
    expect(texts(readsText('prod', role, many, refusals))[0]).toContain('kind10, kind11 and 8 more in namespace shop');
  });

  test('what may be written alike is one line', () => {
    const writable = [
      { verb: 'create', what: 'services', namespaces: ['shop'] },
      { verb: 'create', what: 'jobs.batch', namespaces: ['shop'] },
      { verb: 'patch', what: 'services', namespaces: ['shop'] },
      { verb: 'patch', what: 'jobs.batch', namespaces: ['shop'] },
      { verb: 'patch', what: 'deployments.apps', namespaces: null },
    ];
    expect(texts(writesText('prod', role, writable, []))).toEqual([
      '✗ the group plumbline may create, patch services, jobs.batch in namespace shop: take it away, Plumbline only reads',
      '✗ the group plumbline may patch deployments.apps: take it away, Plumbline only reads',
    ]);
  });
});
