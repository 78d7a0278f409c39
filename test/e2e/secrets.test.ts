import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

/** Special to JSON, URLs, HTML and regular expressions alike. */
const OLD = 'old p@ss<"w/ö+rd">&(1)*4711';
const NEW = 'new p@ss<"w/ö+rd">&(2)*4711';
const TOOL = path.resolve(import.meta.dirname, '../../cli/main.ts');
const STATES = 'secret-states';

const PLANTED = `
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "plain" {
  input = var.password
}
resource "terraform_data" "inside" {
  input            = "postgres://app:\${var.password}@db/shop"
  triggers_replace = [var.password]
}
resource "terraform_data" "encoded" {
  input = {
    base64 = base64encode(var.password)
    middle = base64encode("user:\${var.password}:end")
    url    = urlencode(var.password)
    json   = jsonencode({ password = var.password, nested = jsonencode([var.password]) })
  }
}
resource "terraform_data" "unmarked" {
  input = { direct = nonsensitive(var.password), (nonsensitive(var.password)) = "as a key" }
}
resource "terraform_data" "keyed" {
  for_each = toset([nonsensitive(var.password)])
  input    = each.key
}
output "secret" {
  value     = var.password
  sensitive = true
}
output "copy" {
  value = "it is \${nonsensitive(var.password)}"
}
check "shows" {
  assert {
    condition     = nonsensitive(var.password) == ""
    error_message = "the password is \${nonsensitive(var.password)}"
  }
}
`;
const FAILING = `
variable "password" {
  type = string
}
resource "terraform_data" "a" {
  lifecycle {
    precondition {
      condition     = var.password == ""
      error_message = "the password is \${var.password}, in base64 \${base64encode(var.password)}"
    }
  }
}
`;
const BACKEND = 'terraform {\n  backend "s3" {}\n}\n';

let sandbox: Sandbox;
let service: Outside;
let dispatch: string;
let rawPlan = '';

/** What an apply with the old password leaves, and what a plan with the new one would say if nobody hid it. */
async function applyAsTheTeam(source: string): Promise<void> {
  const folder = path.join(sandbox.dir, 'team');
  cpSync(path.join(source, 'planted'), folder, { recursive: true });
  const terraform = (password: string, ...args: string[]) =>
    execa('terraform', args, { cwd: folder, env: { ...sandbox.env, TF_VAR_password: password } });
  const backend = { bucket: STATES, key: 'planted.tfstate', region: sandbox.region };
  await terraform(OLD, 'init', '-input=false', ...Object.entries(backend).map(([k, v]) => `-backend-config=${k}=${v}`));
  await terraform(OLD, 'apply', '-input=false', '-auto-approve');
  await terraform(NEW, 'plan', '-input=false', '-out=raw.tfplan');
  rawPlan = (await terraform(NEW, 'show', '-json', 'raw.tfplan')).stdout;
}

const target = (name: string) => ({
  in: ['prod'],
  source: 's',
  terraform: {
    path: name,
    backendConfig: { bucket: STATES, key: `${name}.tfstate`, region: sandbox.region },
    env: { TF_VAR_password: { secret: 'db/password' } },
  },
  pendingGrace: '0s',
  confirm: '0s',
});

async function check(target: string) {
  const { runId } = await service.start(dispatch, `prod/${target}`);
  return until(`a verdict on ${target}`, 90, async () => {
    const verdict = await service.verdict(`prod/${target}`);
    return verdict !== null && runId !== null && verdict.runId >= runId ? verdict : null;
  });
}

/** Everything that the service stored, logged, measured, sent or showed. */
async function artefacts(): Promise<ReadonlyMap<string, string>> {
  const found = new Map([
    ['the pager', JSON.stringify(sandbox.inbox())],
    ['the alarms', JSON.stringify(await service.alarms())],
  ]);
  for (const key of await service.keys('')) found.set(key, (await service.text(key)) ?? '');
  const logs = new CloudWatchLogsClient(ownerOf(sandbox));
  const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({}));
  for (const { logGroupName = '' } of logGroups) {
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName, limit: 10_000 }));
    found.set(logGroupName, events.map((event) => event.message).join('\n'));
  }
  return found;
}

/** Spellings that a reader could turn back into the password. */
function spellings(password: string): readonly string[] {
  const json = JSON.stringify(password).slice(1, -1);
  const middle = (text: string): string => Buffer.from(text).toString('base64').slice(8, -8);
  return [
    password,
    json,
    json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
    encodeURIComponent(password),
    // As Go, and so terraform, writes it into a query.
    encodeURIComponent(password)
      .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+'),
    middle(password),
    middle(`user:${password}:end`),
    password.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;'),
    password.slice(4, -4),
  ];
}

beforeAll(async () => {
  sandbox = await startSandbox();
  const owner = ownerOf(sandbox);
  const source = path.join(sandbox.dir, 'source');
  for (const [name, text] of [
    ['planted', PLANTED],
    ['failing', FAILING],
  ] as const) {
    mkdirSync(path.join(source, name), { recursive: true });
    writeFileSync(path.join(source, name, 'main.tf'), BACKEND + text);
  }
  const repository = await sandbox.createRepo('secrets', { from: source });
  const secrets = new SecretsManagerClient(owner);
  await secrets.send(new CreateSecretCommand({ Name: 'db/password', SecretString: OLD }));
  await new S3Client(owner).send(new CreateBucketCommand({ Bucket: STATES }));
  await applyAsTheTeam(source);
  const config = path.join(sandbox.dir, 'plumbline.yaml');
  const prod = { account: sandbox.account, region: sandbox.region, role: 'hidden', state: [`${STATES}/*`] };
  const file = {
    version: 1,
    sources: { s: { url: repository.url } },
    environments: { prod },
    targets: { planted: target('planted'), failing: target('failing') },
    notify: { warning: { pagerduty: { parameter: '/plumbline/pagerduty-warning' } } },
  };
  writeFileSync(config, JSON.stringify(file));
  const outputs = await sandbox.deploy({ config });
  await secrets.send(new PutSecretValueCommand({ SecretId: 'db/password', SecretString: NEW }));
  service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  dispatch = outputOf(outputs, 'DispatchFunction');
}, 180_000);
afterAll(() => sandbox?.stop());

describe('a secret that is planted everywhere', () => {
  it('is in what terraform says, so that there is something to hide', () => {
    for (const password of [OLD, NEW]) {
      const seen = spellings(password).filter((text) => rawPlan.includes(text));
      expect(seen.length).toBeGreaterThanOrEqual(4);
    }
  });

  it('is seen to have changed', async () => {
    const found = await check('planted');
    expect([found.verdict, found.causes]).toEqual(['drifted', ['pending']]);
  });

  it('does not hide why a plan fails', async () => {
    const found = await check('failing');
    expect(found.verdict).toBe('unknown');
    expect(found.reason).toMatch(/precondition failed.*the password is \(sensitive\)/);
  });

  it('is on no terminal and in no page of a check by hand', async () => {
    const { terraform } = target('planted');
    const file = path.join(sandbox.dir, 'team/plumbline.yaml');
    const local = { ...terraform, path: '.' };
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        environments: { prod: {} },
        targets: { planted: { in: ['prod'], terraform: local } },
      }),
    );
    const page = path.join(sandbox.dir, 'report.html');
    const shown = await execa(process.execPath, [TOOL, 'check', '-c', file, '--html', page], {
      cwd: path.dirname(file),
      env: { ...sandbox.env, TF_VAR_password: NEW },
      reject: false,
    });
    expect(shown.exitCode, shown.stderr).toBe(2);
    const text = [shown.stdout, shown.stderr, readFileSync(page, 'utf8')].join('\n');
    expect(text).toContain('(sensitive)');
    for (const spelling of [...spellings(OLD), ...spellings(NEW)]) expect(text).not.toContain(spelling);
  });

  it('is in no artefact, in no spelling', async () => {
    await until('both are paged', 60, async () => (sandbox.incidents().length >= 2 ? true : null));
    const found = await artefacts();
    expect(
      [...found.keys()].filter((key) => /report\.html|state\/prod\/planted\.html/.test(key)).length,
    ).toBeGreaterThan(1);
    expect([...found.values()].join('')).toContain('(sensitive)');
    for (const [where, text] of found) {
      for (const spelling of [...spellings(OLD), ...spellings(NEW)]) expect(text.includes(spelling), where).toBe(false);
    }
  });
});
