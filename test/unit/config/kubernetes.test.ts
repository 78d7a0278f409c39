import { describe, expect, it } from 'vitest';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Config, KubernetesTarget } from '#drift/target.ts';

const HEAD = `version: 1
sources: { apps: { url: https://git.example/apps.git } }
environments:
  prod: { account: "111111111111", region: eu-west-1, role: plumbline, cluster: { eks: prod }, values: { tier: web } }
  vault: { account: "111111111111", region: eu-west-1, role: plumbline-vault, cluster: { kubeconfig: { secret: kube }, context: main } }
  bare: { account: "111111111111", region: eu-west-1, role: plumbline-bare }
  file: { account: "111111111111", region: eu-west-1, role: plumbline-file, cluster: { kubeconfig: kube/config } }
  laptop: {}
targets:
`;
const TAIL = 'notify: { warning: { email: [a@acme.example] } }\n';
const withTargets = (...targets: readonly string[]): string =>
  `${HEAD}${targets.map((line) => `  ${line}\n`).join('')}${TAIL}`;
const errorsOf = (text: string): string => {
  const parsed = parseConfig(text, 'plumbline.yaml', null);
  return parsed.ok ? '' : formatConfigErrors(parsed.errors);
};
const configOf = (text: string): Config => {
  const parsed = parseConfig(text, 'plumbline.yaml', null);
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  return parsed.config;
};
const targetOf = (text: string, index = 0): KubernetesTarget => {
  const target = configOf(text).targets[index];
  if (target?.layer !== 'kubernetes') throw new Error('no target of kubernetes');
  return target;
};

describe('a target of kubernetes', () => {
  it('has a default for all but its manifests', () => {
    expect(targetOf(withTargets('shop: { in: [prod], source: apps, kubernetes: { manifests: k8s } }'))).toMatchObject({
      name: 'prod/shop',
      layer: 'kubernetes',
      timeoutSeconds: 600,
      confirmSeconds: 0,
      environment: { cluster: { eks: 'prod' } },
      kubernetes: {
        manifests: ['k8s'],
        render: 'plain',
        namespace: 'default',
        values: [],
        release: 'shop',
        jsonnet: { ext: {}, tla: {}, importPaths: [] },
        hosts: [],
        appliers: [],
        people: [],
        secretKinds: [],
      },
    });
  });

  it('has the values of its environment wherever text may differ between clusters', () => {
    const chart = `chart: { in: [prod], source: apps, timeout: 14m, confirm: 1m, kubernetes: { manifests: "charts/\${tier}",
      render: helm, values: ["values/\${environment}.yaml"], release: "\${tier}-shop", namespace: "shop-\${environment}",
      orphans: { label: "env=\${environment}", namespaces: ["shop-\${environment}"] } } }`;
    const program = `program: { in: [prod], source: apps, kubernetes: { manifests: [main.jsonnet], render: jsonnet,
      jsonnet: { ext: { env: "\${environment}", count: 2 }, tla: { t: "\${tier}" }, importPaths: ["lib/\${tier}"] } } }`;
    const text = withTargets(chart, program);
    expect(targetOf(text)).toMatchObject({ timeoutSeconds: 840, confirmSeconds: 60 });
    expect(targetOf(text).kubernetes).toMatchObject({
      manifests: ['charts/web'],
      values: ['values/prod.yaml'],
      release: 'web-shop',
      namespace: 'shop-prod',
      orphans: { label: 'env=prod', namespaces: ['shop-prod'] },
    });
    expect(targetOf(text, 1).kubernetes.jsonnet).toEqual({
      ext: { env: 'prod', count: '2' },
      tla: { t: 'web' },
      importPaths: ['lib/web'],
    });
  });

  it('needs no cluster where it is checked by hand, and takes a kubeconfig from a file there', () => {
    const text = withTargets('shop: { in: [laptop, file], kubernetes: { manifests: "k8s/*.yaml" } }');
    expect(targetOf(text).environment).not.toHaveProperty('cluster');
    expect(targetOf(text, 1).environment.cluster).toEqual({ kubeconfig: 'kube/config' });
    const served = withTargets('shop: { in: [vault], source: apps, kubernetes: { manifests: k8s } }');
    expect(targetOf(served).environment.cluster).toEqual({ kubeconfig: { secret: 'kube' }, context: 'main' });
  });

  const shop = (keys: string, more = ''): string =>
    `shop: { in: [prod], source: apps, ${more}kubernetes: { manifests: k8s${keys} } }`;

  it.each<[string, string, RegExp]>([
    [
      'no layer',
      'shop: { in: [prod], source: apps }',
      /:10:3: targets\.shop: says not what is compared: write terraform/,
    ],
    ['two layers', shop('', 'terraform: { path: x }, '), /targets\.shop\.kubernetes: is beside terraform: .* make two/],
    [
      'no cluster',
      shop('').replace('prod', 'bare'),
      /targets\.shop\.in\.0: environment bare has no cluster; write cluster:/,
    ],
    ['a file', shop('').replace('prod', 'file'), /in\.0: the service cannot read the file kube\/config .*secret: name/],
    ['no role', shop('').replace('prod', 'laptop'), /environment laptop has no account, region, role/],
    ['too much time', shop('', 'timeout: 15m, '), /targets\.shop\.timeout: a timeout is 1m to 14m for kubernetes/],
    [
      'a path outside',
      shop('').replace('k8s', '../k8s'),
      /kubernetes\.manifests: a path must lie inside the repository/,
    ],
    ['one of two outside', shop('').replace('k8s', '[k8s, /etc]'), /kubernetes\.manifests\.1: a path must lie inside/],
    ['no path', shop('').replace('k8s', '[]'), /kubernetes\.manifests: write at least one path/],
    ['no text', shop('').replace('k8s', '7'), /kubernetes\.manifests: write a path, or a list of paths/],
    ['two charts', shop(', render: helm').replace('k8s', '[a, b]'), /manifests: is one folder for helm; make a target/],
    ['values of no chart', shop(', values: [a.yaml]'), /kubernetes\.values: are those of a chart: write render: helm/],
    ['a release of no chart', shop(', release: a'), /kubernetes\.release: is that of a chart/],
    ['a program of none', shop(', jsonnet: { ext: { a: b } }'), /kubernetes\.jsonnet: is for a jsonnet program/],
    ['an unfit release', shop(', render: helm').replace('shop:', 'Shop_1:'), /release: "Shop_1" is no name of a Helm/],
    ['an unfit namespace', shop(', namespace: A_b'), /namespace: "A_b" is no name of a namespace/],
    [
      'an unfit namespace of orphans',
      shop(', orphans: { namespaces: [a, B] }'),
      /orphans\.namespaces\.1: "B" is no name/,
    ],
    ['no orphans', shop(', orphans: {}'), /kubernetes\.orphans: write which objects have to be declared/],
    ['a key alone', shop(', orphans: { label: app }'), /orphans\.label: write a label and its value/],
    ['an unfit label', shop(', orphans: { label: "-a=b" }'), /orphans\.label: "-a=b" is no label and value/],
    ['an unknown value', shop(`, namespace: "\${zone}"`), /namespace: \$\{zone\} is no value of prod/],
    ['another renderer', shop(', render: cue'), /render: write plain, kustomize, helm or jsonnet/],
    ['an unknown key', shop(', manifest: x'), /kubernetes\.manifest: .*did you mean "manifests"/],
    ['an unknown key of vpc', shop(', vpc: { subnet: x }'), /kubernetes\.vpc\.subnet: .*did you mean "subnets"/],
    ['a wrong subnet', shop(', vpc: { subnets: [x], securityGroups: [sg-0a1b2c3d] }'), /write the id of a subnet/],
    ['a wrong host', shop(', hosts: ["https://x"]'), /hosts\.0: write the name of a host/],
    ['a wrong kind', shop(', secretKinds: [secrets]'), /secretKinds\.0: write a kind, such as SealedSecret/],
  ])('is refused with what to write: %s', (_name, target, error) => {
    expect(errorsOf(withTargets(target))).toMatch(error);
  });

  it('shares the network of its environment', () => {
    const vpc = 'vpc: { subnets: [subnet-0a1b2c3d], securityGroups: [sg-0a1b2c3d] }';
    const text = withTargets(shop(`, ${vpc}`), 'other: { in: [prod], source: apps, kubernetes: { manifests: k8s } }');
    expect(errorsOf(text)).toMatch(
      /targets\.other\.kubernetes\.vpc: is another one than that of prod\/shop; .*write the same/,
    );
    expect(targetOf(withTargets(shop(`, ${vpc}`))).kubernetes.vpc).toEqual({
      subnets: ['subnet-0a1b2c3d'],
      securityGroups: ['sg-0a1b2c3d'],
    });
  });

  it('is of a cluster that is named in one of three ways', () => {
    const text = withTargets('shop: { in: [laptop], kubernetes: { manifests: k8s } }');
    expect(errorsOf(text.replace('{ eks: prod }', '{ gke: prod }'))).toMatch(
      /environments\.prod\.cluster: write { eks: name }, { kubeconfig: { secret: name }, context: name }, or/,
    );
    expect(errorsOf(text.replace('{ eks: prod }', '{ eks: prod, accessEntry: true }'))).toBe('');
  });
});

describe('ignore rules for parts of objects', () => {
  const rule = (keys: string, target = '"*/shop"'): string =>
    `${withTargets('shop: { in: [prod], source: apps, kubernetes: { manifests: k8s } }', 'net: { in: [prod], source: apps, terraform: { path: net } }')}ignore:\n  - { target: ${target}, subject: "*", reason: r, ${keys} }\n`;

  it('are read, and may speak of every object', () => {
    const text = rule(
      `pointers: [/spec/replicas], jq: [".spec.containers[] | .image"], managers: [kube-controller-manager]`,
    );
    expect(configOf(text).rules.ignore).toEqual([
      {
        ...{ target: '*/shop', subject: '*', reason: 'r', pointers: ['/spec/replicas'] },
        ...{ jq: ['.spec.containers[] | .image'], managers: ['kube-controller-manager'] },
      },
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['pointers: [spec]', '"*/shop"', /ignore\.0\.pointers\.0: write a JSON pointer, such as \/spec\/replicas/],
    ['pointers: []', '"*/shop"', /ignore\.0\.pointers: write JSON pointers, or take the key out/],
    ['jq: ["."]', '"*/shop"', /ignore\.0\.jq\.0: write a path, such as/],
    ['managers: x', '"*/shop"', /ignore\.0\.managers: write field managers as a list/],
    ['managers: [hpa], path: spec', '"*/shop"', /ignore\.0\.path: goes not with managers: write a rule of each/],
    ['managers: [hpa]', 'prod/net', /ignore\.0\.managers: is for objects of Kubernetes, and "prod\/net" fits no such/],
    ['path: "*"', '"*/shop"', /would silence the whole target/],
  ])('%s for %s is refused with what to write', (keys, target, error) => {
    expect(errorsOf(rule(keys, target))).toMatch(error);
  });
});
