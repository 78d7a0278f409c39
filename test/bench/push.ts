import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { runFolder } from '#drift/names.ts';
import { reportSchema } from '#drift/report.ts';
import { Outside, outputOf, ownerOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';

/**
 * `node test/bench/push.ts`: from a push to its verdict, less what the check itself took, and until its delivery is
 * answered, in the sandbox; the median of a few. There a build has no machine to wait for; what its process needs to start is counted as ours.
 */
const LIMIT_MS = 5000;
/** Until a delivery is answered. */
const ANSWER_LIMIT_MS = 1000;
const PUSHES = 5;
const SECRET = 'bench-webhook-secret';

interface State {
  readonly last: { readonly commit: string; readonly runId: string } | null;
}

async function bench(sandbox: Sandbox): Promise<void> {
  const owner = ownerOf(sandbox);
  const from = path.join(sandbox.dir, 'source');
  mkdirSync(path.join(from, 'root'), { recursive: true });
  writeFileSync(path.join(from, 'root/main.tf'), 'terraform {\n  backend "s3" {}\n}\n');
  const repository = await sandbox.createRepo('acme/bench', { from });
  await new SecretsManagerClient(owner).send(new CreateSecretCommand({ Name: 'git/webhook', SecretString: SECRET }));
  await new S3Client(owner).send(new CreateBucketCommand({ Bucket: 'states' }));
  const config = path.join(sandbox.dir, 'plumbline.yaml');
  writeFileSync(
    config,
    `version: 1\nsources: { s: { url: "${repository.url}", webhook: { secret: git/webhook } } }\n` +
      `environments: { prod: { account: "${sandbox.account}", region: ${sandbox.region}, role: bench, state: ["states/*"] } }\n` +
      'targets: { t: { in: [prod], source: s, schedule: rate(1 day), terraform: { path: root, ' +
      `backendConfig: { bucket: states, key: t.tfstate, region: ${sandbox.region} } } } }\n` +
      'notify: { warning: { email: [bench@acme.example] } }\n',
  );
  const outputs = await sandbox.deploy({ config });
  const service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  const stateAt = async (): Promise<State['last']> =>
    (JSON.parse((await service.text('state/prod/t.json')) ?? '{"last":null}') as State).last;
  await until('the first verdict', 120, stateAt);
  const hook = { url: sandbox.functionAddress(outputOf(outputs, 'WebhookUrl')), secret: SECRET };
  sandbox.git.hook(repository, hook);
  const measured: { readonly total: number; readonly tool: number }[] = [];
  for (let push = 0; push < PUSHES; push += 1) {
    writeFileSync(path.join(repository.workingCopy, 'root/notes.txt'), `${push}\n`);
    const before = Date.now();
    const commit = await sandbox.git.push(repository, `Push ${push}`);
    const run = await until('its verdict', 60, async () => {
      const last = await stateAt();
      return last?.commit === commit ? last : null;
    });
    const total = Date.now() - before;
    const text = (await service.text(`${runFolder('prod/t', run.runId)}report.json`)) ?? '';
    const { startedAt, endedAt } = reportSchema.parse(JSON.parse(text));
    measured.push({ total, tool: Date.parse(endedAt) - Date.parse(startedAt) });
    await until('the target is free', 30, async () => {
      const queue = JSON.parse((await service.text('queue/prod/t.json')) ?? '{}') as { readonly running?: unknown };
      return queue.running === null ? true : null;
    });
  }
  for (const { total, tool } of measured) console.log(`push to verdict ${total} ms, of which the check ${tool} ms`);
  line(
    "over the check's own time",
    measured.map(({ total, tool }) => total - tool),
    LIMIT_MS,
  );
  const answered: number[] = [];
  for (const { body } of [...sandbox.git.deliveries]) {
    const before = Date.now();
    const { status } = await sandbox.git.send(hook, body);
    if (status === 202) answered.push(Date.now() - before);
  }
  line('until a delivery is answered', answered, ANSWER_LIMIT_MS);
}

function line(what: string, all: readonly number[], limit: number): void {
  const median = [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.POSITIVE_INFINITY;
  console.log(
    `${what.padEnd(28)} ${median.toFixed(0).padStart(9)} of ${limit} ms: ratio ${(median / limit).toFixed(2)}`,
  );
  if (median > limit) process.exitCode = 1;
}

const sandbox = await startSandbox();
try {
  await bench(sandbox);
} finally {
  await sandbox.stop();
}
