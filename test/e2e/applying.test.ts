import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Repository } from '#sandbox/git-host.ts';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

const BUCKET = 'applying-states';
const SLOW = `
terraform {
  backend "s3" {}
}
resource "terraform_data" "quick" {
  input = "v1"
}
resource "terraform_data" "slow" {
  input = "v1"
  provisioner "local-exec" {
    command = "sleep 15"
  }
}
`;

let sandbox: Sandbox;
let service: Outside;
let dispatch: string;
let repository: Repository;
let team: string;

const terraform = (...args: string[]) => execa('terraform', args, { cwd: team, env: sandbox.env, reject: false });

async function check() {
  const answer = String(await service.invoke(dispatch, { target: 'prod/slow', trigger: 'manual' }));
  const runId = /run (\S+)/.exec(answer)?.[1] ?? answer;
  return until(`a verdict on run ${runId}`, 90, async () => {
    const verdict = await service.verdict('prod/slow');
    return verdict?.runId === runId ? verdict : null;
  });
}

beforeAll(async () => {
  sandbox = await startSandbox();
  const source = path.join(sandbox.dir, 'source');
  mkdirSync(path.join(source, 'slow'), { recursive: true });
  writeFileSync(path.join(source, 'slow/main.tf'), SLOW);
  repository = await sandbox.createRepo('applying', { from: source });
  await new S3Client(ownerOf(sandbox)).send(new CreateBucketCommand({ Bucket: BUCKET }));
  const backendConfig = { bucket: BUCKET, key: 'slow.tfstate', region: sandbox.region, use_lockfile: 'true' };
  const prod = { account: sandbox.account, region: sandbox.region, role: 'slow', state: [`${BUCKET}/*`] };
  const slow = {
    in: ['prod'],
    source: 's',
    pendingGrace: '0s',
    confirm: '0s',
    terraform: { path: 'slow', backendConfig },
  };
  const config = path.join(sandbox.dir, 'plumbline.yaml');
  const file = {
    version: 1,
    sources: { s: { url: repository.url } },
    environments: { prod },
    targets: { slow },
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
      const listed = await execa('terraform', ['plan', '-input=false', '-lock-timeout=0s'], {
        cwd: team,
        env: sandbox.env,
        reject: false,
      });
      return listed.stderr.includes('state lock') ? true : null;
    });
    // What a check would see that does not wait.
    expect((await terraform('plan', '-input=false', '-lock=false', '-detailed-exitcode')).exitCode).toBe(2);
    const found = await check();
    expect((await apply).exitCode).toBe(0);
    expect([found.verdict, found.causes]).toEqual(['in-sync', []]);
    expect(await service.red()).toEqual([]);
    expect(sandbox.incidents()).toEqual([]);
  });

  it('drift that stays is found and pages', async () => {
    writeFileSync(path.join(repository.workingCopy, 'slow/main.tf'), SLOW.replace('"v1"', '"v2"'));
    await sandbox.git.push(repository, 'Another input');
    const found = await check();
    expect([found.verdict, found.causes]).toEqual(['drifted', ['pending']]);
    await until('it is paged', 30, async () => (sandbox.incidents().length === 1 ? true : null));
  });
});
