import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

const BUCKET = 'output-states';
const BACKEND = 'terraform {\n  backend "s3" {}\n}\n';
const ROOTS = {
  network: `${BACKEND}output "cidrs" {\n  value = ["10.1.0.0/16", "10.2.0.0/16"]\n}\n`,
  nodes: `${BACKEND}
variable "cidrs" {
  type = list(string)
}
resource "terraform_data" "routes" {
  for_each = toset(var.cidrs)
  input    = each.key
}
`,
} as const;

let sandbox: Sandbox;
let service: Outside;
let dispatch: string;

async function check(target: string) {
  const { runId, sentence } = await service.start(dispatch, `prod/${target}`);
  return until(`a verdict: ${sentence}`, 60, async () => {
    const verdict = await service.verdict(`prod/${target}`);
    return verdict?.runId === runId ? verdict : null;
  });
}

beforeAll(async () => {
  sandbox = await startSandbox();
  const source = path.join(sandbox.dir, 'source');
  for (const [name, text] of Object.entries(ROOTS)) {
    mkdirSync(path.join(source, name), { recursive: true });
    writeFileSync(path.join(source, name, 'main.tf'), text);
  }
  const repository = await sandbox.createRepo('outputs', { from: source });
  await new S3Client(ownerOf(sandbox)).send(new CreateBucketCommand({ Bucket: BUCKET }));
  for (const name of Object.keys(ROOTS)) {
    const terraform = (...args: string[]) =>
      execa('terraform', args, { cwd: path.join(source, name), env: sandbox.env });
    const backend = { bucket: BUCKET, key: `${name}.tfstate`, region: sandbox.region };
    await terraform('init', '-input=false', ...Object.entries(backend).map(([k, v]) => `-backend-config=${k}=${v}`));
    const vars = name === 'nodes' ? ['-var=cidrs=["10.1.0.0/16","10.2.0.0/16"]'] : [];
    await terraform('apply', '-input=false', '-auto-approve', ...vars);
  }
  const target = (name: string, vars: object) => ({
    in: ['prod'],
    source: 's',
    terraform: { path: name, vars, backendConfig: { bucket: BUCKET, key: `${name}.tfstate`, region: sandbox.region } },
  });
  const cidrs = ['$', '{output:$', '{environment}/network.cidrs}'].join('');
  const config = path.join(sandbox.dir, 'plumbline.yaml');
  const file = {
    version: 1,
    sources: { s: { url: repository.url } },
    environments: {
      prod: { account: sandbox.account, region: sandbox.region, role: 'outputs', state: [`${BUCKET}/*`] },
    },
    targets: { network: target('network', {}), nodes: target('nodes', { cidrs }) },
    notify: { warning: { pagerduty: { parameter: '/plumbline/pagerduty-warning' } } },
  };
  writeFileSync(config, JSON.stringify(file));
  const outputs = await sandbox.deploy({ config });
  service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  dispatch = outputOf(outputs, 'DispatchFunction');
}, 180_000);
afterAll(() => sandbox?.stop());

it('a target that uses an output is unknown until the other was checked', async () => {
  const found = await check('nodes');
  expect(found.verdict).toBe('unknown');
  expect(found.reason).toMatch(/network\.cidrs\} is not known yet: prod\/network has to be checked/);
});

it('then, without being asked for, it is compared with what the output is, of its own type', async () => {
  expect((await check('network')).verdict).toBe('in-sync');
  const found = await until('a verdict on what waited', 60, async () => {
    const verdict = await service.verdict('prod/nodes');
    return verdict?.verdict === 'unknown' ? null : verdict;
  });
  expect([found?.verdict, found?.reason]).toEqual(['in-sync', '2 of 2 compared, nothing differs']);
});
