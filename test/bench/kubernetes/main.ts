import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { BUNDLING } from '#infra/bundle.ts';
import { cpuOfKubectl, cpuOfLists, hasKubectl } from './kubectl.ts';
import { declaredIn, generate, writeYaml } from './objects.ts';

/**
 * `node test/bench/kubernetes/main.ts [count…]`: what a check of so many objects costs beside the plain paged LISTs of the
 * same kinds, bundled as it is deployed: each in a process of its own, from the start of node to its end, and in turn in
 * one process that stays, as warm functions do. With `KUBECONFIG_OF_BENCH`, a kubeconfig of a cluster that may be written
 * to, also beside `kubectl diff` on that cluster. Prints ratios of one run; ends with 1 when one is above its limit.
 */
const LIMITS = new Map([
  [1000, { seconds: 3, requests: 30, megabytes: 256 }],
  [10_000, { seconds: 30, requests: 300, megabytes: 512 }],
]);
const MAX_RATIO = 1.5;
const WHY = `
The plain LISTs here are node asking, unpacking and parsing, and nothing else: a quarter of that process is node itself. A
check beside them loads its modules (about 0.1 CPU s of a cold process), reads and parses what git declares, and compares
every value. What a function that stays warm does beyond the LISTs is, of equal parts, reading the files, parsing them, and
judging; kubectl's LISTs are what a tool in Go pays for the same answers.`;
const ROUNDS = 9;
/** The first rounds of a process still load and compile. */
const WARM_AFTER = 10;

interface Figures {
  readonly seconds: number;
  readonly cpu: number;
}
interface Whole extends Figures {
  readonly megabytes: number;
}
interface Checked extends Whole {
  readonly verdict: string;
  readonly reason: string;
  readonly compared: number;
}
interface Warm {
  readonly lists: readonly Figures[];
  readonly checks: readonly Figures[];
  readonly megabytes: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-kubernetes-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** @param limit null: there is none, it is only told */
function line(what: string, value: number, limit: number | null, digits = 2): void {
  const isAbove = limit !== null && value > limit;
  const says = `${value.toFixed(digits)}${limit === null ? '' : ` of ${limit.toFixed(digits)}`}`;
  console.log(`  ${what.padEnd(58)} ${says.padStart(18)}${isAbove ? '  ABOVE' : ''}`);
  if (isAbove) process.exitCode = 1;
}
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const of = <K extends string>(list: readonly Readonly<Record<K, number>>[], figure: K): number =>
  median(list.map((one) => one[figure]));
/** Of runs that took turns, so that what else the machine does weighs on both. */
const ratio = (checks: readonly Figures[], lists: readonly Figures[], figure: keyof Figures): number =>
  median(checks.map((check, at) => check[figure] / (lists[at]?.[figure] ?? Number.NaN)));

function bundled(name: string): string {
  const outfile = path.join(folder, `${name}.cjs`);
  buildSync({ ...BUNDLING, write: true, outfile, entryPoints: [path.join(import.meta.dirname, `${name}.ts`)] });
  return outfile;
}

function run<T>(file: string, args: readonly string[]): T & { readonly seconds: number } {
  const start = performance.now();
  const text = execFileSync(process.execPath, [file, ...args], { encoding: 'utf8', timeout: 300_000 });
  return { ...JSON.parse(text), seconds: (performance.now() - start) / 1000 };
}

async function ask(url: string, ca: string): Promise<string> {
  const request = get(url, { ca: readFileSync(ca), agent: false });
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

/** The paths of the plain LISTs, from what was generated. */
function listsOf(manifests: string): readonly string[] {
  const plurals = new Map([
    ['NetworkPolicy', 'networkpolicies'],
    ['Ingress', 'ingresses'],
  ]);
  const paths = declaredIn(manifests).map(({ apiVersion, kind }) => {
    const plural = plurals.get(kind) ?? `${kind.toLowerCase()}s`;
    return `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${plural}`;
  });
  return [...new Set(paths)];
}

async function compare(count: number, tools: Readonly<Record<'check' | 'floor' | 'warm', string>>): Promise<void> {
  const own = path.join(folder, String(count));
  const manifests = path.join(own, 'manifests');
  const live = path.join(own, 'live.json');
  mkdirSync(own);
  writeFileSync(live, JSON.stringify(generate(count, manifests, live)));
  const server = spawn(process.execPath, [path.join(import.meta.dirname, 'server.ts'), live], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(createInterface({ input: server.stdout }), 'line');
    const { server: address, ca, bytes } = JSON.parse(said) as Readonly<Record<'server' | 'ca' | 'bytes', string>>;
    const kubeconfig = path.join(own, 'kubeconfig.json');
    writeFileSync(kubeconfig, kubeconfigOf(address, ca));
    const lists = listsOf(manifests);
    const yaml = path.join(own, 'yaml');
    writeYaml(manifests, yaml);
    const floors: Whole[] = [];
    const checks: Checked[] = [];
    let requests = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      floors.push(run<Whole>(tools.floor, [address, ca, ...lists]));
      await ask(`${address}/count`, ca);
      checks.push(run<Checked>(tools.check, [kubeconfig, manifests]));
      requests = Number(await ask(`${address}/count`, ca));
    }
    for (const { verdict, reason } of checks)
      if (verdict !== 'in-sync') throw new Error(`it had to be in sync: ${reason}`);
    const limits = LIMITS.get(count) ?? { seconds: 3, requests: 30, megabytes: 256 };
    console.log(
      `\n${count} objects, ${checks[0]?.compared} compared, ${bytes} MB of lists; medians of ${ROUNDS} rounds`,
    );
    line('seconds of a check, from the start of its process', of(checks, 'seconds'), limits.seconds);
    line('requests', requests, limits.requests, 0);
    line('megabytes at most', Math.max(...checks.map(({ megabytes }) => megabytes)), limits.megabytes, 0);
    line('megabytes of the plain LISTs at most', Math.max(...floors.map(({ megabytes }) => megabytes)), null, 0);
    line('CPU seconds of a check', of(checks, 'cpu'), null, 3);
    line('CPU seconds of the plain paged LISTs', of(floors, 'cpu'), null, 3);
    line('CPU, own process: check ÷ plain paged LISTs', ratio(checks, floors, 'cpu'), MAX_RATIO);
    line('wall, own process: check ÷ plain paged LISTs', ratio(checks, floors, 'seconds'), null);
    const inYaml = run<Checked>(tools.check, [kubeconfig, yaml]);
    line('CPU seconds of a check of manifests in YAML', inYaml.cpu, null, 3);
    const warm = run<Warm>(tools.warm, [String(ROUNDS + WARM_AFTER), kubeconfig, manifests, address, ca, ...lists]);
    const [warmLists, warmChecks] = [warm.lists.slice(WARM_AFTER), warm.checks.slice(WARM_AFTER)];
    line('CPU seconds of a check, warm', of(warmChecks, 'cpu'), null, 3);
    line('CPU seconds of the plain paged LISTs, warm', of(warmLists, 'cpu'), null, 3);
    line('CPU, warm: check ÷ plain paged LISTs', ratio(warmChecks, warmLists, 'cpu'), MAX_RATIO);
    line('wall, warm: check ÷ plain paged LISTs', ratio(warmChecks, warmLists, 'seconds'), null);
    if (!hasKubectl()) return;
    const raw = cpuOfLists(kubeconfig, lists, path.join(own, 'page.json'));
    line('CPU seconds of the plain paged LISTs with kubectl get --raw', raw, null, 3);
    line('CPU, own process: check ÷ plain paged LISTs of kubectl', of(checks, 'cpu') / raw, MAX_RATIO);
  } finally {
    server.kill();
  }
}

function kubeconfigOf(server: string, ca: string): string {
  const data = readFileSync(ca).toString('base64');
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'bench' },
    clusters: [{ name: 'bench', cluster: { server, 'certificate-authority-data': data } }],
    users: [{ name: 'bench', user: { token: 'bench-token' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  });
}

/** By CPU of the client, on a cluster that holds the objects. */
function compareWithKubectl(kubeconfig: string, check: string): void {
  const manifests = path.join(folder, 'real');
  generate(1000, path.join(folder, 'real-json'), path.join(folder, 'real.json'));
  writeYaml(path.join(folder, 'real-json'), manifests);
  cpuOfKubectl(kubeconfig, ['apply', '-f', manifests]);
  const ours = run<Checked>(check, [kubeconfig, manifests]);
  if (ours.verdict !== 'in-sync') throw new Error(`it had to be in sync: ${ours.reason}`);
  const clientSide = cpuOfKubectl(kubeconfig, ['diff', '-f', manifests]);
  const serverSide = cpuOfKubectl(kubeconfig, ['diff', '--server-side', '-f', manifests]);
  console.log(`\n1000 objects on ${kubeconfig}: ${ours.verdict}, ${ours.reason}`);
  line('CPU seconds of a check', ours.cpu, null, 3);
  line('CPU seconds of kubectl diff', clientSide, null, 3);
  line('CPU seconds of kubectl diff --server-side', serverSide, null, 3);
  line('CPU, own process: check ÷ kubectl diff', ours.cpu / clientSide, 1 / 50, 3);
  line('CPU, own process: check ÷ kubectl diff --server-side', ours.cpu / serverSide, 1 / 8, 3);
}

const tools = { check: bundled('check'), floor: bundled('floor'), warm: bundled('warm') };
const counts = process.argv.slice(2).map(Number);
for (const count of counts.length > 0 ? counts : LIMITS.keys()) await compare(count, tools);
console.log(WHY);
const real = process.env['KUBECONFIG_OF_BENCH'];
if (real !== undefined) compareWithKubectl(real, tools.check);
