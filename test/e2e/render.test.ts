import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { renderManifests } from '#services/render/render.ts';
import { RENDER_LIMITS, type RenderRequest } from '#services/render/request.ts';

const base = mkdtempSync(path.join(tmpdir(), 'plumbline-render-test-'));
const cache = path.join(tmpdir(), 'plumbline-render-cache');
let root = '';
let count = 0;

beforeEach(() => {
  count += 1;
  root = path.join(base, `repository-${count}`);
  mkdirSync(root);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function files(contents: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
}

type Options = Partial<RenderRequest['check']> & Partial<Omit<RenderRequest, 'check'>>;

/** With the tools of the layer: whatever this machine has on its PATH is not looked at. */
function render(how: RenderRequest['check']['render'], manifests: string, options: Options = {}) {
  const { namespace = 'default', values = [], release = 'it', hosts = [], jsonnet, ...rest } = options;
  return renderManifests({
    root,
    check: {
      render: how,
      manifests: [manifests],
      namespace,
      values,
      release,
      hosts,
      jsonnet: jsonnet ?? { ext: {}, tla: {}, importPaths: [] },
    },
    server: null,
    tools: { path: '/nonexistent', cache },
    signal: new AbortController().signal,
    timeoutMs: 60_000,
    ...rest,
  });
}

const text = (manifests: readonly ManifestText[]): string => manifests.map((manifest) => manifest.text).join('\n');
const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;

describe('plain manifests', () => {
  it('are read from folders, files and globs, each once and sorted', async () => {
    files({
      'k8s/b.yml': configMap('b'),
      'k8s/a/a.yaml': configMap('a'),
      'k8s/c.json': '{}',
      'k8s/.x/x.yaml': '',
      'k8s/README.md': '',
    });
    expect((await render('plain', 'k8s')).map(({ file }) => file)).toEqual(['k8s/a/a.yaml', 'k8s/b.yml', 'k8s/c.json']);
    expect((await render('plain', 'k8s/**/*.yaml')).map(({ file }) => file)).toEqual(['k8s/a/a.yaml']);
    expect(await render('plain', 'k8s/b.yml')).toEqual([{ file: 'k8s/b.yml', text: configMap('b') }]);
  });

  it.each([
    ['k8s/none.yaml', /^manifests: k8s\/none\.yaml is not there/],
    ['k8s/*.yaml', /matches no/],
    ['k8s/empty', /holds no \.yaml/],
    ['../outside', /leads out of the repository/],
    ['/etc', /leads out of the repository/],
    ['k8s/kustom', /k8s\/kustom is not plain; set "render: kustomize"/],
    ['k8s/chart', /set "render: helm"/],
    ['k8s/lfs.bin.yaml', /Git LFS/],
    ['vendored/base', /lies in the submodule vendored/],
  ])('%s is refused', async (manifests, message) => {
    files({
      'k8s/empty/README.md': '',
      'k8s/kustom/kustomization.yaml': 'resources: []',
      'k8s/chart/Chart.yaml': 'name: x',
      '.gitmodules': '[submodule "v"]\n\tpath = vendored\n\turl = https://git.acme.example/v\n',
    });
    if (manifests.includes('lfs'))
      files({ [manifests]: 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' });
    await expect(render('plain', manifests)).rejects.toThrow(message);
  });

  it('follow no symlink out of the repository, and one inside', async () => {
    files({ 'shared/a.yaml': configMap('a'), 'in/x.yaml': configMap('x') });
    symlinkSync('../shared', path.join(root, 'in/shared'));
    expect((await render('plain', 'in')).map(({ file }) => file)).toEqual(['in/shared/a.yaml', 'in/x.yaml']);
    symlinkSync('/etc/hostname', path.join(root, 'in/out.yaml'));
    await expect(render('plain', 'in')).rejects.toThrow('in/out.yaml is a symlink that leads out of the repository');
    await expect(render('plain', 'in/out.yaml')).rejects.toThrow('is a symlink that leads out');
  });

  it('are bounded in number, size and sum', async () => {
    files({ 'k/a.yaml': 'a: 1234567890', 'k/b.yaml': 'b: 1234567890' });
    const limited = (limits: Partial<typeof RENDER_LIMITS>) =>
      render('plain', 'k', { limits: { ...RENDER_LIMITS, ...limits } });
    await expect(limited({ fileBytes: 10 })).rejects.toThrow('k/a.yaml has 13 bytes, more than the 10');
    await expect(limited({ totalBytes: 20 })).rejects.toThrow('k/b.yaml: the manifests have more than 20 bytes');
    await expect(limited({ files: 1 })).rejects.toThrow('more than 1 files');
  });
});

describe('kustomize', () => {
  it('builds an overlay with its base, patches and generators', async () => {
    files({
      'base/kustomization.yaml': 'resources: [cm.yaml]\nconfigMapGenerator:\n- name: g\n  files: [key=value.txt]\n',
      'base/cm.yaml': configMap('shop'),
      'base/value.txt': 'value',
      'overlays/prod/kustomization.yaml':
        'namespace: prod\nresources: [../../base]\npatches:\n- path: p.yaml\ntransformers: [labels.yaml]\n',
      'overlays/prod/p.yaml': `${configMap('shop')}data: { patched: "yes" }\n`,
      'overlays/prod/labels.yaml':
        'apiVersion: builtin\nkind: LabelTransformer\nmetadata: { name: l }\nlabels: { team: web }\nfieldSpecs: [{ path: metadata/labels, create: true }]\n',
    });
    const [built] = await render('kustomize', 'overlays/prod');
    expect(built?.file).toBe('kustomize build overlays/prod');
    for (const part of ['namespace: prod', 'patched: "yes"', 'team: web', /name: g-\w{10}/])
      expect(built?.text).toMatch(part);
  });

  const refused: readonly [string, Record<string, string>, RegExp][] = [
    [
      'a remote base',
      { 'k/kustomization.yaml': 'resources:\n- https://github.com/evil/base?ref=x\n' },
      /^k\/kustomization\.yaml:2: https:\/\/github.com.* would be fetched from github\.com; copy it/,
    ],
    [
      'a remote base of git',
      { 'k/kustomization.yaml': 'resources: ["git@evil.example:a/b"]' },
      /fetched from evil\.example/,
    ],
    [
      'a remote base in short',
      { 'k/kustomization.yaml': 'resources: [github.com/evil/base]' },
      /fetched from github\.com/,
    ],
    [
      'a nested remote base',
      { 'k/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'bases: ["https://evil.example/x"]' },
      /^b\/kustomization\.yaml:1: .*evil\.example/,
    ],
    ['a remote component', { 'k/kustomization.yaml': 'components: ["ssh://git@evil.example/x"]' }, /evil\.example/],
    ['a remote schema', { 'k/kustomization.yaml': 'openapi: { path: "http://evil.example/s.json" }' }, /evil\.example/],
    ['a remote patch', { 'k/kustomization.yaml': 'patches: [{ path: "https://evil.example/p" }]' }, /evil\.example/],
    [
      'a remote generator source',
      { 'k/kustomization.yaml': 'secretGenerator: [{ name: s, files: ["k=https://evil.example/p"] }]' },
      /evil\.example/,
    ],
    [
      'an exec plugin',
      {
        'k/kustomization.yaml': 'generators: [g.yaml]',
        'k/g.yaml':
          'apiVersion: x/v1\nkind: G\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec: { path: ./evil.sh }\n',
      },
      /^k\/g\.yaml: .*would run code/,
    ],
    [
      'an exec function that says it is built in',
      {
        'k/kustomization.yaml': 'transformers: [g.yaml]',
        'k/g.yaml':
          'apiVersion: builtin\nkind: G\nmetadata: { name: g, annotations: { config.kubernetes.io/function: "exec: { path: ./evil.sh }" } }',
      },
      /would run a program/,
    ],
    [
      'an inline plugin',
      { 'k/kustomization.yaml': 'validators:\n- |\n  apiVersion: x/v1\n  kind: V\n' },
      /would run code/,
    ],
    [
      'a chart',
      { 'k/kustomization.yaml': 'resources: []\nhelmCharts:\n- name: redis\n' },
      /kustomization\.yaml:\d: helmCharts would fetch/,
    ],
    ['a base outside', { 'k/kustomization.yaml': 'resources: [../../../etc]' }, /leads out of the repository/],
    [
      'a missing file',
      { 'k/kustomization.yaml': 'resources:\n- a.yaml\n- none.yaml\n', 'k/a.yaml': '' },
      /^k\/kustomization\.yaml:3: none\.yaml is not there/,
    ],
    ['broken YAML', { 'k/kustomization.yaml': 'resources: [\n  a.yaml' }, /^k\/kustomization\.yaml:\d: /],
    ['no kustomization', { 'k/a.yaml': '' }, /there is no kustomization\.yaml in k/],
    [
      'what is to be a Secret and has no key, which it does not show',
      { 'k/kustomization.yaml': 'secretGenerator: [{ name: db, literals: [\'hun]: ter2\', "a=b"] }]' },
      /^k: kustomize says: loading KV pairs: literal sources \(sensitive\), expected key=value$/,
    ],
    [
      'a file beside its folder',
      { 'k/kustomization.yaml': 'resources: [../x.yaml]', 'x.yaml': 'a: 1' },
      /^k: kustomize says: .*security/,
    ],
  ];
  it.each(refused)('refuses %s', async (_what, contents, message) => {
    files(contents);
    const error = await render('kustomize', 'k').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'RenderError', message: expect.stringMatching(message) });
    expect(String(error)).not.toContain(root);
  });

  it('refuses a symlink out of the repository', async () => {
    files({ 'k/kustomization.yaml': 'configMapGenerator: [{ name: c, files: [x] }]' });
    symlinkSync('/etc/passwd', path.join(root, 'k/x'));
    await expect(render('kustomize', 'k')).rejects.toThrow('k/x is a symlink that leads out');
  });
});

describe('a host that the config names', () => {
  let server: Server;
  let host = '';
  let caFile = '';
  const answers = new Map<string, string | Buffer>();

  beforeAll(async () => {
    const certificates = await makeCertificates(base);
    caFile = certificates.ca;
    server = createServer({ cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) });
    server.on('request', (request, response) => {
      const answer = answers.get(request.url ?? '');
      if (request.url === '/moved.yaml')
        response.writeHead(302, { location: 'https://elsewhere.example/x.yaml' }).end();
      else if (answer === undefined) response.writeHead(404).end();
      else response.end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const allowed = () => ({ hosts: ['127.0.0.1'], tools: { path: process.env['PATH'] ?? '', cache, caFile } });

  it('gives kustomize its files, and no redirect to another', async () => {
    answers.set('/cm.yaml', configMap('fetched'));
    files({ 'k/kustomization.yaml': `resources: ["${host}/cm.yaml"]` });
    expect(text(await render('kustomize', 'k', allowed()))).toContain('name: fetched');
    files({ 'k/kustomization.yaml': `resources: ["${host}/moved.yaml"]` });
    const { path: _, ...tools } = allowed().tools;
    const error = await render('kustomize', 'k', { ...allowed(), tools: { ...tools, path: '/nonexistent' } }).catch(
      String,
    );
    expect(error).toMatch(/refused\.invalid/);
    files({ 'k/kustomization.yaml': `resources: ["${host.replace('https', 'http')}/cm.yaml"]` });
    await expect(render('kustomize', 'k', allowed())).rejects.toThrow('only https:// addresses are');
  });

  it('gives a chart its dependencies, and leaves the checkout as it is', async () => {
    files({
      'packed/redis/Chart.yaml': 'apiVersion: v2\nname: redis\nversion: 1.0.0\n',
      'packed/redis/templates/r.yaml': configMap('from-redis'),
      'chart/Chart.yaml': `apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{ name: redis, version: 1.0.0, repository: "${host}/charts" }]\n`,
    });
    execFileSync('tar', ['czf', 'redis-1.0.0.tgz', '-C', 'packed', 'redis'], { cwd: root });
    answers.set('/charts/redis-1.0.0.tgz', readFileSync(path.join(root, 'redis-1.0.0.tgz')));
    const version = { name: 'redis', version: '1.0.0', apiVersion: 'v2', urls: [`${host}/charts/redis-1.0.0.tgz`] };
    answers.set('/charts/index.yaml', JSON.stringify({ apiVersion: 'v1', entries: { redis: [version] } }));
    await expect(render('helm', 'chart')).rejects.toThrow("or name 127.0.0.1 in the target's hosts");
    expect(text(await render('helm', 'chart', allowed()))).toContain('name: from-redis');
    expect(existsSync(path.join(root, 'chart/charts'))).toBe(false);
  });
});

describe('helm', () => {
  const chart = (templates: Record<string, string>, more: Record<string, string> = {}): void =>
    files({
      'chart/Chart.yaml': 'apiVersion: v2\nname: notifier\nversion: 1.0.0\n',
      'chart/values.yaml': 'name: default\n',
      ...Object.fromEntries(Object.entries(templates).map(([name, body]) => [`chart/templates/${name}`, body])),
      ...more,
    });
  const named = configMap('{{ .Values.name }}');

  it('renders with values, release, namespace and what the server is', async () => {
    chart(
      {
        'cm.yaml': `${named}  namespace: {{ .Release.Namespace }}\ndata: { release: {{ .Release.Name }}, has: '{{ .Capabilities.APIVersions.Has "acme.example/v1" }}', version: {{ .Capabilities.KubeVersion.Version }}, looked: "{{ lookup "v1" "Secret" "x" "y" }}" }\n`,
        'hook.yaml': `${configMap('hook')}  annotations: { helm.sh/hook: pre-install }\n`,
        'tests/t.yaml': `${configMap('tested')}  annotations: { helm.sh/hook: test }\n`,
      },
      {
        'env/prod.yaml': 'name: prod\n',
        'chart/crds/crd.yaml':
          'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: a.acme.example }\n',
      },
    );
    const server = { version: 'v1.34.2-eks-1a2b3c4', apiVersions: ['v1', 'acme.example/v1'] };
    const made = await render('helm', 'chart', {
      values: ['env/prod.yaml'],
      namespace: 'web',
      release: 'blue',
      server,
    });
    expect(made.map(({ file }) => file)).toEqual([
      'helm template chart: crds/crd.yaml',
      'helm template chart: templates/cm.yaml',
    ]);
    for (const part of [
      'name: prod',
      'namespace: web',
      'release: blue',
      "has: 'true'",
      'version: v1.34.2',
      'looked: "map[]"',
    ])
      expect(text(made)).toContain(part);
    expect(text(made)).not.toMatch(/hook|tested/);
  });

  it('takes charts of the repository as dependencies, and packed ones', async () => {
    chart(
      { 'cm.yaml': named },
      {
        'chart/Chart.yaml':
          'apiVersion: v2\nname: notifier\nversion: 1.0.0\ndependencies: [{ name: common, version: 1.x.x, repository: "file://../common" }]\n',
        'common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 1.2.0\n',
        'common/templates/c.yaml': configMap('common'),
      },
    );
    expect(text(await render('helm', 'chart'))).toContain('name: common');
  });

  const failing: readonly [string, Record<string, string>, RegExp][] = [
    [
      'a template that fails',
      { 'chart/templates/x.yaml': 'a: 1\nb: {{ fail "no value" }}\n' },
      /^chart: helm says: .*chart\/templates\/x\.yaml:2:\d+.*no value/,
    ],
    ['a template that is no YAML', { 'chart/templates/x.yaml': 'a: [\n' }, /chart\/templates\/x\.yaml/],
    [
      'a missing dependency',
      {
        'chart/Chart.yaml':
          'apiVersion: v2\nname: n\nversion: 1.0.0\ndependencies: [{ name: redis, version: 1.0.0, repository: "https://charts.evil.example" }]',
      },
      /redis is not in chart\/charts: run "helm dependency build chart" and commit chart\/charts, or name charts\.evil\.example/,
    ],
    [
      'a dependency outside',
      {
        'chart/Chart.yaml':
          'apiVersion: v2\nname: n\nversion: 1.0.0\ndependencies: [{ name: x, version: 1.0.0, repository: "file://../../x" }]',
      },
      /leads out of the repository/,
    ],
    ['no chart', { 'chart/x.yaml': '' }, /there is no Chart\.yaml in chart/],
  ];
  it.each(failing)('explains %s', async (what, contents, message) => {
    if (what !== 'no chart') chart({});
    files(contents);
    const error = await render('helm', 'chart').catch(String);
    expect(error).toMatch(
      message instanceof RegExp ? new RegExp(message.source.replace(/^\^/, '^RenderError: ')) : message,
    );
    expect(error).not.toContain(root);
  });

  it('reads no file through a symlink out of the chart', async () => {
    chart({ 'cm.yaml': `${named}data: { x: {{ .Files.Get ".x" | quote }} }` });
    symlinkSync('/etc/passwd', path.join(root, 'chart/.x'));
    await expect(render('helm', 'chart')).rejects.toThrow('chart/.x is a symlink that leads out');
  });

  it('bounds output, memory and time', async () => {
    chart({ 'bomb.yaml': '{{ range until 300000 }}\n# {{ repeat 100 "x" }}{{ end }}\na: 1\n' });
    const small = { ...RENDER_LIMITS, outputBytes: 1_000_000 };
    await expect(render('helm', 'chart', { limits: small })).rejects.toThrow('makes more than 1000000 bytes');
    files({
      'chart/templates/bomb.yaml':
        '{{ $x := repeat 100000000 "x" }}{{ range until 100 }}{{ $x = print $x $x }}{{ end }}{{ $x }}',
    });
    await expect(render('helm', 'chart')).rejects.toThrow(/bytes of memory/);
    files({ 'chart/templates/bomb.yaml': '{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}' });
    await expect(render('helm', 'chart', { timeoutMs: 3_000 })).rejects.toThrow('took longer than 3 s');
  });

  it('gives the chart nothing of our environment', async () => {
    process.env['PLUMBLINE_TEST_SECRET'] = 'hidden';
    chart({ 'cm.yaml': `${named}data: { x: "{{ env "PLUMBLINE_TEST_SECRET" }}" }` });
    const seen = await render('helm', 'chart').then(text, String);
    expect(seen).not.toContain('hidden');
  });
});

describe('jsonnet', () => {
  it('evaluates a program with variables, arguments and imports', async () => {
    files({
      'k/main.jsonnet':
        "local lib = import 'app.libsonnet';\nfunction(size) { a: lib.app(std.extVar('cluster')), b: [null, lib.app(size)] }",
      'lib/app.libsonnet': "{ app(name): { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name } } }",
    });
    const jsonnet = { ext: { cluster: 'blue' }, tla: { size: 'big' }, importPaths: ['lib'] };
    const [made] = await render('jsonnet', 'k/main.jsonnet', { jsonnet });
    expect(made?.file).toBe('k/main.jsonnet');
    expect(JSON.parse(made?.text ?? '')).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'blue' } }, { metadata: { name: 'big' } }],
    });
  });

  it.each([
    [
      'an absolute import',
      "import '/etc/passwd'",
      /k\.jsonnet:1: couldn't open import "\/etc\/passwd": an absolute path/,
    ],
    ['an import that leaves', "importstr '../../../etc/passwd'", /leads out of the repository/],
    ['an import through a symlink', "importstr 'out'", /out is a symlink that leads out/],
    ['a missing import', "import 'none.libsonnet'", /there is no such file/],
    ['a mistake', '{\n  a: b,\n}', /^k\.jsonnet:2:6: Unknown variable: b/],
    ['a failure', '{\n  a: error "no size",\n}', /^k\.jsonnet:2: no size/],
    ['no manifest', '{ a: {} }', /makes no manifest/],
    ['a text', '{ a: ["x"] }', /k\.jsonnet: \$\.a\[0\] is a text, and only/],
    ['endless recursion', 'local f(x) = f(x + 1) + 1; f(1)', /max stack frames/],
    ['too much memory', "std.foldl(function(a, x) a + a, std.range(1, 40), 'aaaaaaaaaaa')", /more memory/],
  ])('explains %s', async (_what, program, message) => {
    files({ 'k.jsonnet': program });
    symlinkSync('/etc/passwd', path.join(root, 'out'));
    const error = await render('jsonnet', 'k.jsonnet').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'RenderError', message: expect.stringMatching(message) });
    expect(String(error)).not.toMatch(/root:/);
  });

  it('ends at the time limit, and when it is stopped', async () => {
    files({ 'k.jsonnet': 'local f(x) = f(x + 1) tailstrict; f(1)' });
    await expect(render('jsonnet', 'k.jsonnet', { timeoutMs: 1_500 })).rejects.toThrow('took longer than 1.5 s');
    const signal = AbortSignal.timeout(1_000);
    await expect(render('jsonnet', 'k.jsonnet', { signal })).rejects.toThrow('was stopped');
  });
});

describe('the example company', () => {
  const acme = path.resolve(import.meta.dirname, '../../examples/acme');
  const kinds = (manifests: readonly ManifestText[]): readonly string[] =>
    manifests
      .flatMap(({ text: all }) => parseAllDocuments(all).map((document) => document.toJS()))
      .flatMap((value) => value.items ?? [value])
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`);

  it('has plain add-ons', async () => {
    const found = kinds(await render('plain', 'k8s/addons', { root: acme }));
    expect(found).toContain('Deployment/kube-dns');
    expect(found).toContain('Deployment/dashboard');
    expect(found).toHaveLength(11);
  });

  it.each([
    ['staging', 7, '5.3.0-rc.2'],
    ['prod', 9, '5.2.1'],
  ])('has a shop in %s', async (environment, count, version) => {
    const made = await render('kustomize', `k8s/shop/overlays/${environment}`, { root: acme });
    expect(kinds(made)).toHaveLength(count);
    expect(text(made)).toContain(`image: registry.acme.example/shop/web:${version}`);
  });

  it.each([
    ['staging', ['ConfigMap/mail', 'Deployment/mail']],
    ['prod', ['ConfigMap/mail', 'Deployment/mail', 'PodDisruptionBudget/mail']],
  ])('has a chart in %s', async (environment, wanted) => {
    const values = [`k8s/charts/notifier/values/${environment}.yaml`];
    const server = { version: 'v1.36.2', apiVersions: ['policy/v1'] };
    const made = await render('helm', 'k8s/charts/notifier', { root: acme, values, release: 'mail', server });
    expect([...kinds(made)].sort()).toEqual(wanted);
  });

  it.each([
    ['staging', '"requests.cpu":"4"'],
    ['prod', '"requests.cpu":"24"'],
  ])('has what every cluster has, in %s', async (cluster, quota) => {
    const jsonnet = { ext: { cluster }, tla: {}, importPaths: [] };
    const made = await render('jsonnet', 'k8s/clusters/main.jsonnet', { root: acme, jsonnet });
    expect(kinds(made)).toHaveLength(7);
    expect(text(made)).toContain(quota);
  });
});
