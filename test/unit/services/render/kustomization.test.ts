import { describe, expect, it } from 'vitest';
import { checkPlugins, readKustomization } from '#services/render/kustomize/kustomization.ts';
import { isHttps, remoteHost } from '#services/render/kustomize/remote.ts';

describe('what kustomize would fetch', () => {
  it.each([
    ['https://github.com/acme/base?ref=v1', 'github.com'],
    ['https://GIT.acme.example:8443/acme/base', 'git.acme.example'],
    ['https://user:pw@git.acme.example/x', 'git.acme.example'],
    ['https://evil.example#@good.example/x', 'evil.example'],
    ['https://evil.example?@good.example/x', 'evil.example'],
    ['ssh://git@git.acme.example/x', 'git.acme.example'],
    ['file:///etc', ''],
    ['git::https://git.acme.example/x.git', 'git.acme.example'],
    ['git@git.acme.example:acme/base', 'git.acme.example'],
    ['git@git.acme.example/acme/base', 'git.acme.example'],
    ['org-1234@github.com:acme/base', 'github.com'],
    ['gh:acme/base', 'github.com'],
    ['github.com/acme/base//k8s?ref=v1', 'github.com'],
    ['github.com:acme/base', 'github.com'],
    ['www.github.com/acme/base', 'github.com'],
    ['git.acme.example/acme/base.git//k8s', 'git.acme.example'],
    ['dev.azure.example/acme/_git/base', 'dev.azure.example'],
    ['git.acme.example/base?ref=v1', 'git.acme.example'],
    ['base?ref=v1', 'base?ref=v1'],
  ])('%s comes from %s', (entry, host) => expect(remoteHost(entry)).toBe(host));

  it.each([
    '../../base',
    'base',
    'v1.2/base',
    './github.com',
    'crds.acme.example.yaml',
    'apps/web@prod/base',
    'a b/c.yaml',
  ])('%s is a path', (entry) => expect(remoteHost(entry)).toBeNull());

  it('only over https', () => {
    expect(isHttps('https://x')).toBe(true);
    expect(isHttps('git::https://x')).toBe(true);
    expect(isHttps('http://x')).toBe(false);
    expect(isHttps('git@x:y')).toBe(false);
  });
});

describe('what a kustomization has read', () => {
  it('is every path of it, with its line', () => {
    const entries = readKustomization(
      'k/kustomization.yaml',
      `resources:
  - ../base
  - a.yaml
components: [c]
patches:
  - path: p.yaml
  - patch: "inline"
patchesStrategicMerge:
  - s.yaml
  - |
    kind: X
configMapGenerator:
  - name: x
    files: [one, key=two]
    envs: [three]
secretGenerator:
  - env: four
    literals: ["url=https://acme.example"]
replacements: [{ path: r.yaml }]
openapi: { path: o.json }
generators:
  - g.yaml
`,
    );
    expect(entries.map(({ at, text, role }) => `${at.split(':')[1]} ${text} ${role}`)).toEqual([
      '2 ../base part',
      '3 a.yaml part',
      '4 c part',
      '22 g.yaml plugin',
      '6 p.yaml file',
      '19 r.yaml file',
      '9 s.yaml file',
      '13 one file',
      '13 two file',
      '13 three file',
      '17 four file',
      '20 o.json file',
    ]);
  });

  it('is nothing in an empty one', () => expect(readKustomization('k', '# nothing\n')).toEqual([]));

  it.each([
    ['resources: x', /^k:1: resources is not what kustomize takes/],
    ['- a', /is a map/],
    ['a: 1\na: 2', /^k:2: /],
    [
      'x: &a [1,1,1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nz: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
      /alias/i,
    ],
    ['helmChartInflationGenerator: []', /^k:1: helmChartInflationGenerator would fetch/],
  ])('%s is refused', (text, message) => expect(() => readKustomization('k', text)).toThrow(message));
});

describe('plugins', () => {
  it.each([
    ['apiVersion: builtin\nkind: LabelTransformer\n', null],
    [
      'apiVersion: builtin\nkind: PrefixTransformer\n---\napiVersion: builtin\nkind: HelmChartInflationGenerator\n',
      /chart/,
    ],
    ['apiVersion: acme.example/v1\nkind: Plugin\n', /would run code/],
    ['kind: Plugin\n', /would run code/],
    ['apiVersion: builtin\nkind: X\nmetadata: { annotations: { config.k8s.io/function: "" } }\n', /run a program/],
    ['[]', /would run code/],
    ['', null],
  ])('%j', (text, message) => {
    if (message === null) expect(() => checkPlugins('k', text)).not.toThrow();
    else expect(() => checkPlugins('k', text)).toThrow(message);
  });
});
