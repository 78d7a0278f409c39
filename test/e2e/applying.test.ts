import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateTableCommand, DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repository } from '#sandbox/git-host.ts';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

const TABLE = 'applying-locks';
const BUCKET = 'applying-states';
/** An apply that goes on until somebody lets it end, or for a minute. */
const slow = (release: string): string => `
terraform {
  backend "s3" {}
}
resource "terraform_data" "quick" {
  input = "v1"
}
resource "terraform_data" "slow" {
  input = "v1"
  provisioner "local-exec" {
    command = "for i in $(seq 300); do test -e ${release} && exit 0; sleep 0.2; done"
  }
}
`;

let sandbox: Sandbox;
let service: Outside;
let dispatch: string;
let repository: Repository;
let team: string;
let release: string;

const terraform = (...args: string[]) => execa('terraform', args, { cwd: team, env: sandbox.env, reject: false });

async function buildLog(): Promise<string> {
  const logs = new CloudWatchLogsClient(ownerOf(sandbox));
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: '/plumbline/terraform/prod' }));
  return events.map((event) => event.message).join('\n');
}

async function check(name = 'slow') {
  const { runId, sentence } = await service.start(dispatch, `prod/${name}`);
  return until(`a verdict: ${sentence}`, 90, async () => {
    const verdict = await service.verdict(`prod/${name}`);
    return verdict?.runId === runId ? verdict : null;
  });
}

beforeAll(async () => {
  sandbox = await startSandbox();
  const source = path.join(sandbox.dir, 'source');
  for (const name of ['slow', 'still']) mkdirSync(path.join(source, name), { recursive: true });
  writeFileSync(path.join(source, 'still/main.tf'), 'terraform {\n  backend "s3" {}\n}\n');
  release = path.join(sandbox.dir, 'release');
  writeFileSync(path.join(source, 'slow/main.tf'), slow(release));
  repository = await sandbox.createRepo('applying', { from: source });
  await new S3Client(ownerOf(sandbox)).send(new CreateBucketCommand({ Bucket: BUCKET }));
  const place = { bucket: BUCKET, region: sandbox.region };
  const backendConfig = { ...place, key: 'slow.tfstate', use_lockfile: 'true' };
  const prod = {
    account: sandbox.account,
    region: sandbox.region,
    role: 'slow',
    state: [`${BUCKET}/*`],
    locks: [TABLE],
  };
  const target = {
    in: ['prod'],
    source: 's',
    pendingGrace: '0s',
    confirm: '0s',
    terraform: { path: 'slow', backendConfig },
  };
  const byTable = {
    ...target,
    terraform: { path: 'still', backendConfig: { ...place, key: 'still.tfstate', dynamodb_table: TABLE } },
  };
  const config = path.join(sandbox.dir, 'plumbline.yaml');
  const file = {
    version: 1,
    sources: { s: { url: repository.url } },
    environments: { prod },
    targets: { slow: target, table: byTable },
    notify: { warning: { pagerduty: { parameter: '/plumbline/pagerduty-warning' } } },
  };
  writeFileSync(config, JSON.stringify(file));
  const outputs = await sandbox.deploy({ config });
  service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  dispatch = outputOf(outputs, 'DispatchFunction');
  team = path.join(sandbox.dir, 'team');
  cpSync(path.join(source, 'slow'), team, { recursive: true });
  const backend = Object.entries(backendConfig).map(([key, value]) => `-backend-config=${key}=${value}`);
  expect((await terraform('init', '-input=false', ...backend)).exitCode).toBe(0);
}, 180_000);
afterAll(() => sandbox?.stop());

describe('while somebody applies', () => {
  it('the check waits, nobody is paged, and then it is in sync', async () => {
    const apply = terraform('apply', '-input=false', '-auto-approve');
    await until('the lock is there', 30, async () => {
      const s3 = new S3Client(ownerOf(sandbox));
      const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'slow.tfstate.tflock' }));
      return listed.KeyCount === 1 ? true : null;
    });
    // What a check would see that does not wait.
    expect((await terraform('plan', '-input=false', '-lock=false', '-detailed-exitcode')).exitCode).toBe(2);
    const checked = check();
    // Without waiting it is over in two or three seconds.
    expect(await Promise.race([checked, sleep(8000, 'it waits')])).toBe('it waits');
    expect(await service.red()).toEqual([]);
    writeFileSync(release, '');
    const found = await checked;
    expect(await buildLog()).toMatch(/being applied since \S+ by \S+, waiting/);
    expect((await apply).exitCode).toBe(0);
    expect([found.verdict, found.causes]).toEqual(['in-sync', []]);
    expect(await service.red()).toEqual([]);
    expect(sandbox.incidents()).toEqual([]);
  });

  it('a lock in DynamoDB is waited for too', async () => {
    const tables = new DynamoDBClient(ownerOf(sandbox));
    await tables.send(
      new CreateTableCommand({
        TableName: TABLE,
        KeySchema: [{ AttributeName: 'LockID', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'LockID', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    const LockID = { S: `${BUCKET}/still.tfstate` };
    const Info = {
      S: JSON.stringify({ Operation: 'OperationTypeApply', Who: 'bob@desk', Created: '2026-11-24T03:00:00Z' }),
    };
    await tables.send(new PutItemCommand({ TableName: TABLE, Item: { LockID, Info } }));
    const checked = check('table');
    expect(await Promise.race([checked, sleep(8000, 'it waits')])).toBe('it waits');
    await tables.send(new DeleteItemCommand({ TableName: TABLE, Key: { LockID } }));
    expect((await checked).verdict).toBe('in-sync');
    expect(await buildLog()).toContain('being applied since 2026-11-24T03:00:00.000Z by bob@desk, waiting');
    expect(await service.text('state/prod/table.html')).not.toContain('lock-not-read');
  });

  it('drift that stays is found and pages', async () => {
    writeFileSync(path.join(repository.workingCopy, 'slow/main.tf'), slow(release).replace('"v1"', '"v2"'));
    await sandbox.git.push(repository, 'Another input');
    const found = await check();
    expect([found.verdict, found.causes]).toEqual(['drifted', ['pending']]);
    await until('it is paged', 30, async () => (sandbox.incidents().length === 1 ? true : null));
  });
});
