import { EC2Client } from '@aws-sdk/client-ec2';
import { ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { askNodes } from '#checks/nodes/ask.ts';
import { formFleet } from '#drift/nodes/fleet.ts';
import { judgeLooks, lookAtStream, type StreamLook } from '#drift/nodes/judge.ts';
import { SsmCommands } from '#services/aws/commands.ts';
import { AwsNodes } from '#services/aws/nodes.ts';
import { PATIENT } from '#services/aws/refused.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import type { Commands } from '#services/ports.ts';
import { ownFigures } from '../kubernetes/own-figures.ts';

/** `node one-run.ts ADDRESS`: finds nodes, asks them and judges what they say. Prints one line of JSON. */
const address = process.argv[2] ?? '';
const client = {
  ...PATIENT,
  ...{ endpoint: address, region: 'eu-west-1', credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' } },
};
const ssm = new SSMClient(client);
const store = new S3Store('bench', new S3Client({ ...client, forcePathStyle: true }));
const calls = async (): Promise<Readonly<Record<string, number>>> => (await fetch(`${address}/calls`)).json();

/** Notes when the outcomes are listed: all before it is waiting, all after it is joining. */
class TimedCommands extends SsmCommands {
  listedAt = 0;
  cpuBefore = 0;
  override outcomes(ids: readonly string[]): ReturnType<Commands['outcomes']> {
    this.listedAt = performance.now();
    this.cpuBefore = ownFigures().cpu;
    return super.outcomes(ids);
  }
}

async function main(): Promise<void> {
  await calls();
  const select = { tags: { Role: ['minion'] } };
  const found = await new AwsNodes({ ec2: new EC2Client(client), ssm, groups: new ResourceGroupsClient(client) }).find(
    select,
  );
  const fleet = formFleet(found, { select, settleSeconds: 900, now: new Date() });
  const findCalls = await calls();

  const commands = new TimedCommands(ssm);
  const looks: StreamLook[] = [];
  const deadline = performance.now() + 300_000;
  const answers = await askNodes(
    {
      ...{ fleet, select, concurrency: '50', parameters: { RunId: 'bench' }, runId: 'bench' },
      inboxOf: (id) => `inbox/${id}.jsonl`,
      left: () => deadline - performance.now(),
      signal: new AbortController().signal,
      progress: () => undefined,
    },
    { commands, store },
    ({ node, text, exitCode, hint }) => {
      const source = { name: node, node, text, exitCode, hint };
      looks.push(lookAtStream(source, { fingerprintKey: 'bench', nodes: fleet.nodes.length }));
    },
  );
  const answeredAt = Date.now();
  const judgement = judgeLooks({ looks, ...answers }, { target: 'bench/nodes', severity: 'critical', minCoverage: 1 });
  const joinSeconds = (performance.now() - commands.listedAt) / 1000;
  const { megabytes, cpu } = ownFigures();
  console.log(
    JSON.stringify({
      ...{
        nodes: fleet.nodes.length,
        verdict: judgement.verdict,
        reason: judgement.reason,
        joinSeconds,
        joinCpu: cpu - commands.cpuBefore,
        megabytes,
        cpu,
      },
      ...{ findings: judgement.findings.length, findCalls, askCalls: await calls(), answeredAt },
    }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
