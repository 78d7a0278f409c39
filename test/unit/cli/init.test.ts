import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstConfig } from '#cli/init/first-config.ts';
import { readModule } from '#cli/init/hcl.ts';
import type { RootModule } from '#cli/init/modules.ts';
import { yamlFlow, yamlText } from '#cli/output/yaml-text.ts';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Config } from '#drift/target.ts';
import { httpsAddress } from '#services/git/working-copy.ts';

const configOf = (text: string): Config => {
  const parsed = parseConfig(text, 'plumbline.yaml', new Date());
  if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
  return parsed.config;
};
const root = (path: string, environments: readonly string[] = []): RootModule => ({
  ...{ path, environments, tool: 'terraform', isRemote: false },
});

describe('what terraform files say', () => {
  test.each<[string, string, object]>([
    ['a backend', 'terraform {\n  backend "s3" {}\n}', { hasBackend: true, isRemote: false }],
    ['terraform cloud', 'terraform {\n  cloud {\n organization = "x" }\n}', { hasBackend: true, isRemote: true }],
    ['a provider', 'provider "aws" {\n  region = "x"\n}', { hasProvider: true, hasBackend: false }],
    [
      'a comment',
      '# backend "s3" {}\n// provider "aws" {}\n/*\nprovider "x" {}\n*/',
      { hasProvider: false, hasBackend: false },
    ],
    ['required providers only', 'terraform {\n  required_providers {}\n}', { hasProvider: false, hasBackend: false }],
    [
      'modules',
      'module "a" {\n  source = "../modules/a"\n}\nmodule "b" {\n  source  = "acme/b/aws"\n}\nmodule "c" {\n source="./c"\n}',
      { localModules: ['../modules/a', './c'] },
    ],
  ])('%s', (_name, text, expected) => expect(readModule([text])).toMatchObject(expected));
});

describe('a first config', () => {
  test('has a target per module and environment, and what the service needs in comments', () => {
    const text = firstConfig({
      name: 'infra',
      url: 'https://github.com/acme/infra.git',
      ref: 'main',
      modules: [
        root('.'),
        root('terraform/network', ['prod', 'staging']),
        { ...root('other/network', ['prod']), tool: 'tofu' },
        { ...root('cloudy'), isRemote: true },
      ],
    });
    const { targets, sources } = configOf(text);
    expect(
      targets.map((target) => {
        if (target.layer !== 'terraform') throw new Error('a first config has targets of terraform');
        const { name, terraform } = target;
        return [name, terraform.path, ...terraform.varFiles, terraform.tool];
      }),
    ).toEqual([
      ['default/infra', '.', 'terraform'],
      ['prod/network', 'terraform/network', 'env/prod.tfvars', 'terraform'],
      ['staging/network', 'terraform/network', 'env/staging.tfvars', 'terraform'],
      ['prod/other-network', 'other/network', 'env/prod.tfvars', 'tofu'],
    ]);
    expect(sources).toEqual([{ name: 'infra', url: 'https://github.com/acme/infra.git', ref: 'main' }]);
    expect(text).toMatch(/# "cloudy" plans in a remote backend/);
  });

  test('is valid whatever the folders are called', () => {
    const segment = fc.string({ unit: fc.constantFrom(...'ab1.-_ ü:#"\'*&!'), minLength: 1, maxLength: 12 });
    const path = fc.array(
      segment.filter((part) => !/^\.+$/.test(part) && part !== '~'),
      { minLength: 1, maxLength: 3 },
    );
    const module = fc.record({ path, environments: fc.uniqueArray(segment, { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(module, { minLength: 1, maxLength: 8 }), (modules) => {
        const roots = modules.map(({ path, environments }) => root(path.join('/').replace(/^~/, ''), environments));
        const text = firstConfig({
          name: 'x',
          url: null,
          ref: 'main',
          modules: roots.filter(({ path }) => path !== ''),
        });
        expect(parseConfig(text, 'c', null)).toMatchObject({ ok: true });
      }),
    );
  });
});

test.each([
  ['git@github.com:acme/infra.git', 'https://github.com/acme/infra.git'],
  ['github.com:acme/infra', 'https://github.com/acme/infra'],
  ['ssh://git@git.example:2222/acme/infra.git', 'https://git.example/acme/infra.git'],
  ['https://git.example:8443/acme/infra.git', 'https://git.example:8443/acme/infra.git'],
  ['https://bob:ghp_secret@github.com/acme/infra.git', 'https://github.com/acme/infra.git'],
  ['http://git.example/infra.git', null],
  ['/srv/git/infra.git', null],
  ['file:///srv/git/infra.git', null],
  ['', null],
])('the remote %j over https is %j', (remote, expected) => expect(httpsAddress(remote)).toBe(expected));

test.each([
  ['prod/network', 'prod/network'],
  ['yes', '"yes"'],
  ['2026-12-01', '"2026-12-01"'],
  ['a: b', '"a: b"'],
  ['', '""'],
])('%j as YAML is %s', (text, expected) => expect(yamlText(text)).toBe(expected));

test('a map on one line leaves out what is not there', () => {
  expect(yamlFlow({ a: 'x', b: undefined, c: 'y["z"]' })).toBe('{ a: x, c: "y[\\"z\\"]" }');
});
