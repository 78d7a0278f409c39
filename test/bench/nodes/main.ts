import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { BUNDLING } from '#infra/bundle.ts';

/**
 * `node test/bench/nodes/main.ts [nodes]`: what it costs to ask a thousand nodes, whose streams have 40 tasks each, and
 * how soon three are answered. EC2, SSM and S3 are simulated by a process of its own; who asks has one too,
 * bundled as it is deployed. Then what our run costs on one node, where Ansible is installed. Ends with 1 when a figure
 * is above its limit.
 */
const TASKS = 40;
/** A node is done at once: what is measured is who asks. */
const RUN_MS = 400;
/** As the deployed build runs it. */
const NODE_FLAGS =
  /^ *- node (?<flags>.*) plumbline\.cjs build$/m
    .exec(readFileSync(path.resolve(import.meta.dirname, '../../../buildspecs/nodes.yml'), 'utf8'))
    ?.groups?.flags?.split(' ') ?? [];
const NODE_RUN = path.resolve(import.meta.dirname, '../node-run.ts');

interface Run {
  readonly nodes: number;
  readonly verdict: string;
  readonly reason: string;
  readonly findings: number;
  readonly joinSeconds: number;
  readonly joinCpu: number;
  readonly megabytes: number;
  readonly cpu: number;
  readonly answeredAt: number;
  readonly findCalls: Readonly<Record<string, number>>;
  readonly askCalls: Readonly<Record<string, number>>;
}

/** @param limit null: there is none, it is only told */
function line(what: string, value: number, limit: number | null, digits = 2): void {
  const isAbove = limit !== null && value > limit;
  const says = `${value.toFixed(digits)}${limit === null ? '' : ` of ${limit.toFixed(digits)}`}`;
  console.log(`  ${what.padEnd(62)} ${says.padStart(18)}${isAbove ? '  ABOVE' : ''}`);
  if (isAbove) process.exitCode = 1;
}

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-nodes-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

function run<T>(name: string, args: readonly string[]): T {
  const outfile = path.join(folder, `${name}.cjs`);
  if (!existsSync(outfile)) {
    buildSync({ ...BUNDLING, write: true, outfile, entryPoints: [path.join(import.meta.dirname, `${name}.ts`)] });
  }
  const node = [process.execPath, [...NODE_FLAGS, outfile, ...args]] as const;
  return JSON.parse(execFileSync(...node, { encoding: 'utf8', timeout: 300_000 }));
}

async function withAccount(nodes: number, runMs: number, work: (address: string) => Promise<void>): Promise<void> {
  const args = [path.join(import.meta.dirname, 'server.ts'), nodes, TASKS, runMs].map(String);
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [address] = await once(createInterface({ input: server.stdout }), 'line');
    await work(address);
  } finally {
    server.kill();
  }
}

const ssmCalls = (calls: Readonly<Record<string, number>>, but = ''): number =>
  Object.entries(calls).reduce((sum, [name, count]) => sum + (name.startsWith('ssm:') && name !== but ? count : 0), 0);

const LIST = 'ssm:ListCommandInvocations';

async function many(nodes: number): Promise<void> {
  await withAccount(nodes, RUN_MS, async (address) => {
    const asked = run<Run>('one-run', [address]);
    const plain = run<{ readonly seconds: number; readonly megabytes: number }>('plain-reads', [
      address,
      String(nodes),
    ]);
    if (asked.verdict !== 'drifted' || asked.findings !== Math.floor(nodes / 10)) {
      throw new Error(`every tenth node had to be drifted: ${asked.verdict}, ${asked.reason}`);
    }
    const most = Math.ceil(nodes / 50);
    console.log(`\n${asked.nodes} nodes with ${TASKS} tasks each, ${plain.megabytes.toFixed(1)} MB of streams`);
    line('SSM calls to find the nodes', ssmCalls(asked.findCalls), most, 0);
    line('SSM calls to start and follow', ssmCalls(asked.askCalls, LIST), most, 0);
    line('SSM calls to list what they came to', asked.askCalls[LIST] ?? 0, most, 0);
    line('nodes ÷ SSM calls to start and follow', nodes / ssmCalls(asked.askCalls, LIST), null);
    line('seconds to join: list, read, look and judge', asked.joinSeconds, 5);
    line('seconds to read the same streams and do nothing', plain.seconds, null);
    line('CPU seconds to join', asked.joinCpu, null);
    line('wall: join ÷ plain reads', asked.joinSeconds / plain.seconds, null);
    line('megabytes at most', asked.megabytes, 256, 0);
    line('CPU seconds, from the start of the process', asked.cpu, null);
  });
}

async function three(): Promise<void> {
  await withAccount(3, 12_000, async (address) => {
    const asked = run<Run>('one-run', [address]);
    const ended = Number(await (await fetch(`${address}/last-end`)).text());
    console.log('\n3 nodes that need 12 seconds');
    line('seconds from the last one to the answer', (asked.answeredAt - ended) / 1000, 1.5);
    line('SSM calls to start, follow and list', ssmCalls(asked.askCalls), null, 0);
  });
}

await many(Number(process.argv[2] ?? 1000));
await three();
if (existsSync(NODE_RUN)) {
  const { status } = spawnSync(process.execPath, [NODE_RUN], { stdio: 'inherit', timeout: 900_000 });
  if (status !== 0) process.exitCode = 1;
}
