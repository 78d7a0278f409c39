import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import { configJsonSchema } from '#drift/config/schema.ts';
import { reportJsonSchema } from '#drift/report.ts';

const NOW = new Date('2026-11-24T03:00:00Z');
const GOOD = `version: 1
sources:
  infra: { url: https://github.com/acme/infra.git, ref: main, token: { secret: plumbline/github-token } }
environments:
  staging: { account: "111111111111", region: eu-west-1, role: plumbline, values: { size: 2 } }
  prod: { account: "222222222222", region: eu-west-1, role: plumbline, severity: critical, state: ["acme-state/prod/*"] }
targets:
  network:
    in: [staging, prod]
    source: infra
    schedule: rate(1 hour)
    terraform:
      path: terraform/network
      varFiles: ["env/\${environment}.tfvars"]
      env: { TF_VAR_db_password: { secret: prod/db } }
notify:
  critical: { pagerduty: { parameter: /plumbline/pagerduty-critical } }
  warning: { email: [sre@acme.example] }
`;

const errorsOf = (text: string): string => {
  const parsed = parseConfig(text, 'plumbline.yaml', NOW);
  return parsed.ok ? '' : formatConfigErrors(parsed.errors);
};
const withChange = (from: string, to: string): string => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

describe('a config', () => {
  it('lets people name another commit only where it says so', () => {
    const allows = (value: string): readonly unknown[] => {
      const parsed = parseConfig(withChange('    terraform:', `    ${value}\n    terraform:`), 'plumbline.yaml', NOW);
      return parsed.ok ? parsed.config.targets.map(({ allowOtherCommits }) => allowOtherCommits) : [];
    };
    expect(allows('allowOtherCommits: true')).toEqual([true, true]);
    for (const value of ['allowOtherCommits: false', '']) expect(allows(value)).toEqual([undefined, undefined]);
  });

  it('is resolved: one target per environment, placeholders expanded, defaults filled in', () => {
    const parsed = parseConfig(GOOD, 'plumbline.yaml', NOW);
    if (!parsed.ok) throw new Error(formatConfigErrors(parsed.errors));
    expect(parsed.config.targets.map((target) => target.name)).toEqual(['staging/network', 'prod/network']);
    expect(parsed.config.targets[1]).toMatchObject({
      severity: 'critical',
      timeoutSeconds: 1800,
      minCoverage: 1,
      pendingGraceSeconds: 7200,
      confirmSeconds: 120,
      enabled: true,
      source: { ref: 'main' },
      terraform: { varFiles: ['env/prod.tfvars'], tool: 'terraform' },
    });
    expect(parsed.config.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, string, RegExp]>([
    ['version: 1\n', 'version: 2\n', /^plumbline\.yaml:1:1: version: write version: 1/],
    ['https://github', 'http://github', /:3:12: sources\.infra\.url: write an https:\/\/ address/],
    ['https://github', 'https://bob:pw@github', /sources\.infra\.url: write an https/],
    ['token: {', 'tokn: {', /:3:63: sources\.infra\.tokn: .*did you mean "token"/],
    ['{ secret: plumbline/github-token }', 'ghp_abc', /never the value itself/],
    ['"111111111111"', '111111111111', /:5:14: environments\.staging\.account: .*in quotes/],
    ['"111111111111"', '"1234"', /12 digits/],
    ['severity: critical', 'severity: fatal', /one of critical, warning/],
    [
      'in: [staging, prod]',
      'in: [staging, qa]',
      /:9:19: targets\.network\.in\.1: there is no environment "qa"; known: staging, prod/,
    ],
    ['source: infra', 'source: infro', /there is no source "infro"; known: infra/],
    ['rate(1 hour)', 'rate(1 hours)', /AWS wants rate\(1 hour\)/],
    ['rate(1 hour)', 'cron(0 8 * * * *)', /must be "\?"/],
    ['rate(1 hour)', 'every hour', /write rate\(1 hour\) or cron/],
    ['path: terraform/network', 'path: ../network', /:13:7: targets\.network\.terraform\.path: a path must lie inside/],
    ['path: terraform/network', 'path: /etc', /a path must lie inside/],
    [
      'path: terraform/network',
      `path: "terraform/\${zone}"`,
      /\$\{zone\} is no value of staging; known: \$\{size\}, \$\{environment\}/,
    ],
    [
      '    terraform:',
      '    nodes: { playbook: x }\n    terraform:',
      /nodes: is beside terraform: a target is of one layer/,
    ],
    ['    terraform:', '    allowOtherCommits: x\n    terraform:', /allowOtherCommits: write true or false/],
    ['    schedule:', '    timeout: 2h\n    schedule:', /1m to 55m/],
    ['    schedule:', '    timeout: 90\n    schedule:', /90s, 30m, 2h or 1d/],
    ['    schedule:', '    minCoverage: 2\n    schedule:', /from 0 to 1/],
    ['    source: infra\n', '', /needs a source/],
    ['{ email: [sre@acme.example] }', '{}', /nobody is told of warning findings/],
    ['"222222222222"', '"111111111111"', /is also the role of staging .* such as plumbline-prod/],
    ['account: "222222222222", ', '', /environment prod has no account/],
    ['  network:', '  network: {}\n  network:', /Map keys must be unique/],
    ['staging: {', 'staging: &x {', /anchors \(&x\) are not allowed/],
    ['version: 1\n', 'version: 1\nbudget: 9\n', /budget: is not supported by this version yet/],
    ['version: 1\n', 'version: 1\n\tx: 1\n', /^plumbline\.yaml:2:/],
  ])('says what is wrong and what to write instead: %s → %s', (from, to, error) => {
    expect(errorsOf(withChange(from, to))).toMatch(error);
  });

  it('statuses are written with the token of the source, or with one of their own', () => {
    const source = 'token: { secret: plumbline/github-token }';
    const statusesOf = (more: string): unknown => {
      const parsed = parseConfig(withChange(source, `${source}${more}`), 'plumbline.yaml', NOW);
      return parsed.ok ? parsed.config.sources[0]?.statuses : parsed.errors.map(({ message }) => message);
    };
    const hook = ', webhook: { secret: plumbline/hook }';
    expect(statusesOf('')).toBeUndefined();
    expect(statusesOf(`${hook}, statuses: false`)).toBeUndefined();
    expect(statusesOf(`${hook}, statuses: true`)).toEqual({ secret: 'plumbline/github-token' });
    expect(statusesOf(`${hook}, statuses: { token: { parameter: /git/statuses } }`)).toEqual({
      parameter: '/git/statuses',
    });
    expect(statusesOf(', statuses: true')).toEqual([expect.stringMatching(/give the source a webhook too/)]);
    expect(statusesOf(`${hook}, statuses: yes please`)).toEqual([expect.stringMatching(/write true, or \{ token/)]);
    expect(errorsOf(withChange(source, 'webhook: { secret: hook }, statuses: true'))).toMatch(
      /plumbline\.yaml:3.*sources\.infra\.statuses.*needs a token that may write commit statuses/s,
    );
  });

  it('says everything at once', () => {
    const text = GOOD.replace('version: 1', 'version: 7')
      .replace('rate(1 hour)', 'soon')
      .replace('"111111111111"', '1');
    expect(errorsOf(text).split('\n')).toHaveLength(3);
  });

  it('refuses names that would share a deployed name', () => {
    const environments =
      '{ a-b: { account: "111111111111", region: eu-west-1, role: x }, a: { account: "222222222222", region: eu-west-1, role: x } }';
    const target = (name: string, env: string) => `  ${name}: { in: [${env}], source: s, terraform: { path: x } }\n`;
    const text = `version: 1\nsources: { s: { url: https://g.example/s.git } }\nenvironments: ${environments}\ntargets:\n${target('c', 'a-b')}${target('b-c', 'a')}notify: { warning: { email: [a@b.example] } }\n`;
    expect(errorsOf(text)).toMatch(/a\/b-c and a-b\/c would share the deployed name plumbline-a-b-c/);
  });

  it('bounds what it reads', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${Array(9).fill(`*${'abcdefghi'[i]}`).join()}]`).join('\n')}\n`;
    expect(errorsOf(bomb)).toMatch(/anchors|aliases/);
    expect(errorsOf(`version: 1\n# ${'x'.repeat(10 * 1024 * 1024)}`)).toMatch(/larger than 1 MB/);
    expect(errorsOf('')).toMatch(/is empty/);
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(...'{}[]:,-&*!|>\'"%@` \n\tab1') })),
        (text) => {
          expect(parseConfig(text, 'x.yaml', NOW).ok).toBe(false);
        },
      ),
    );
  });
});

describe('published schemas', () => {
  it.each([
    ['plumbline', configJsonSchema],
    ['report', reportJsonSchema],
  ])('schema/%s.schema.json is fresh (npm run schema)', (name, make) => {
    const published = JSON.parse(readFileSync(new URL(`../../../schema/${name}.schema.json`, import.meta.url), 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(make())));
  });
});
