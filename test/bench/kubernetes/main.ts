import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';

/**
 * `node test/bench/kubernetes/main.ts [count…]`: what a check of so many objects costs beside the plain paged LISTs of the
 * same kinds, each in a process of its own, bundled as it is deployed. With `KUBECONFIG_OF_BENCH`, a kubeconfig of a cluster
 * that may be written to, also beside `kubectl diff` on that cluster. Prints ratios of one run; ends with 1 when one is
 * above its limit.
 */
const ROOT = path.resolve(import.meta.dirname, '../../..');
const GENERATOR = path.resolve(
  ROOT,
  process.env['GENERATE_OBJECTS'] ?? '../shared/cases/kubernetes/generate-objects.mjs',
);
const LIMITS = new Map([
  [1000, { seconds: 3, requests: 30, megabytes: 256 }],
  [10_000, { seconds: 30, requests: 300, megabytes: 512 }],
]);
const MAX_RATIO = 1.5;
const ROUNDS = 5;

interface Figures {
  readonly seconds: number;
  readonly cpu: number;
  readonly megabytes: number;
}
interface Checked extends Figures {
  readonly verdict: string;
  readonly reason: string;
  readonly compared: number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-kubernetes-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const line = (what: string, value: number, limit: number, unit = ''): void => {
  const says = `${value.toFixed(2)}${unit} of ${limit}${unit}`;
  console.log(`${what.padEnd(52)} ${says.padStart(24)}${value > limit ? '  ABOVE' : ''}`);
  if (value > limit) process.exitCode = 1;
};
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function bundled(name: string): string {
  const outfile = path.join(folder, `${name}.cjs`);
  buildSync({
    ...{ bundle: true, platform: 'node', target: 'node24', format: 'cjs', mainFields: ['module', 'main'] },
    ...{ minifyWhitespace: true, minifySyntax: true, logLevel: 'error', absWorkingDir: ROOT, outfile },
    entryPoints: [path.join(import.meta.dirname, `${name}.ts`)],
  });
  return outfile;
}

function measure<T extends object>(file: string, args: readonly string[]): T & Figures {
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
  const paths = new Set<string>();
  for (const file of readdirSync(manifests)) {
    for (const document of readFileSync(path.join(manifests, file), 'utf8').split(/^---$/m)) {
      if (document.trim() === '') continue;
      const { apiVersion, kind } = JSON.parse(document) as { readonly apiVersion: string; readonly kind: string };
      const plural =
        kind === 'NetworkPolicy' ? 'networkpolicies' : kind === 'Ingress' ? 'ingresses' : `${kind.toLowerCase()}s`;
      paths.add(`${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${plural}`);
    }
  }
  return [...paths];
}

async function compare(count: number, tools: { readonly check: string; readonly floor: string }): Promise<void> {
  const own = path.join(folder, String(count));
  const manifests = path.join(own, 'manifests');
  const live = path.join(own, 'live.json');
  mkdirSync(own);
  execFileSync(process.execPath, [GENERATOR, '--count', String(count), '--out', manifests, '--live', live]);
  addNamespaces(live);
  const server = spawn(process.execPath, [path.join(import.meta.dirname, 'server.ts'), live], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(createInterface({ input: server.stdout }), 'line');
    const { server: address, ca } = JSON.parse(said) as { readonly server: string; readonly ca: string };
    const kubeconfig = path.join(own, 'kubeconfig.json');
    writeFileSync(kubeconfig, kubeconfigOf(address, ca));
    const lists = listsOf(manifests);
    const floors: Figures[] = [];
    const checks: Checked[] = [];
    let requests = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      floors.push(measure(tools.floor, [address, ca, ...lists]));
      await ask(`${address}/count`, ca);
      checks.push(measure(tools.check, [kubeconfig, manifests]));
      requests = Number(await ask(`${address}/count`, ca));
    }
    for (const { verdict, reason } of checks)
      if (verdict !== 'in-sync') throw new Error(`it had to be in sync: ${reason}`);
    const limits = LIMITS.get(count) ?? { seconds: 3, requests: 30, megabytes: 256 };
    const of = (list: readonly Figures[], figure: keyof Figures): number => median(list.map((one) => one[figure]));
    console.log(`\n${count} objects, ${checks[0]?.compared} compared; medians of ${ROUNDS}`);
    console.log(`  check ${of(checks, 'cpu').toFixed(2)} CPU s, LISTs alone ${of(floors, 'cpu').toFixed(2)} CPU s`);
    line(
      '  CPU: check ÷ plain paged LISTs',
      median(checks.map(({ cpu }, at) => cpu / (floors[at]?.cpu ?? 0))),
      MAX_RATIO,
    );
    line(
      '  wall: check ÷ plain paged LISTs',
      median(checks.map(({ seconds }, at) => seconds / (floors[at]?.seconds ?? 0))),
      Number.POSITIVE_INFINITY,
    );
    line('  seconds', of(checks, 'seconds'), limits.seconds);
    line('  requests', requests, limits.requests);
    line('  megabytes at most', Math.max(...checks.map(({ megabytes }) => megabytes)), limits.megabytes);
  } finally {
    server.kill();
  }
}

/** The generator leaves the namespaces out of what is live. */
function addNamespaces(live: string): void {
  const objects = JSON.parse(readFileSync(live, 'utf8')) as { readonly metadata: { readonly namespace?: string } }[];
  const names = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));
  const namespaces = [...names].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  writeFileSync(live, JSON.stringify([...namespaces, ...objects]));
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
  execFileSync(process.execPath, [GENERATOR, '--count', '1000', '--out', manifests]);
  const cpuOf = (args: readonly string[]): number => {
    const script =
      'import os,subprocess,sys; subprocess.call(sys.argv[1:],stdout=subprocess.DEVNULL); t=os.times(); print(t.children_user+t.children_system)';
    return Number(
      execFileSync('python3', ['-c', script, 'kubectl', `--kubeconfig=${kubeconfig}`, ...args], { encoding: 'utf8' }),
    );
  };
  cpuOf(['apply', '-f', path.join(manifests, '000-namespaces.yaml')]);
  cpuOf(['apply', '-f', manifests]);
  const ours = measure<Checked>(check, [kubeconfig, manifests]);
  const clientSide = cpuOf(['diff', '-f', manifests]);
  const serverSide = cpuOf(['diff', '--server-side', '-f', manifests]);
  console.log(`\n1000 objects on ${kubeconfig}: ${ours.verdict}, ${ours.reason}; ${ours.cpu.toFixed(2)} CPU s`);
  line('  CPU: check ÷ kubectl diff', ours.cpu / clientSide, 1 / 50);
  line('  CPU: check ÷ kubectl diff --server-side', ours.cpu / serverSide, 1 / 8);
}

if (!existsSync(GENERATOR)) {
  console.error(`${GENERATOR} is not there: name generate-objects.mjs in the variable GENERATE_OBJECTS`);
  process.exit(1);
}
const tools = { check: bundled('check'), floor: bundled('floor') };
const counts = process.argv.slice(2).map(Number);
for (const count of counts.length > 0 ? counts : LIMITS.keys()) await compare(count, tools);
const real = process.env['KUBECONFIG_OF_BENCH'];
if (real !== undefined) compareWithKubectl(real, tools.check);
