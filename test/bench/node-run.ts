import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readStream } from '#drift/nodes/stream.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { Bench } from '#test/e2e/node-document/bench.ts';

/**
 * `node test/bench/node-run.ts [rounds]`: what our run of a playbook on one node takes, by the real document, beside the bare
 * `ansible-playbook -C -D`. Interleaved rounds; prints medians and their ratio; ends with 1 when it is above its limit.
 */
const MAX_RATIO = 1.05;
const ROUNDS = 7;

/** Seconds of one run: by the clock, and of the processor for it and all it started. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}
export interface NodeRunFigures {
  readonly tasks: number;
  readonly bare: Cost;
  /** Bare, with the settings that our run has. */
  readonly bareAlike: Cost;
  readonly ours: Cost;
  readonly ratio: number;
}

/** Runs a command and writes down what it took; the rest of a run's processes are waited for by those that started them. */
const TIMER = `
import json, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[2:]).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump({"wall": wall, "cpu": used.ru_utime + used.ru_stime}, open(sys.argv[1], "w"))
sys.exit(code)`;

/** What a small node has: files, templates, lines, folders, guarded commands; a few of them differ. */
function playbookOf(root: string): string {
  const ten = Array.from({ length: 10 }, (_, index) => index);
  const tasks = ten.flatMap((at) => [
    `{ name: "file ${at}", copy: { content: "${at === 3 ? 'other' : 'declared'}\\n", dest: ${root}/file${at} } }`,
    `{ name: "template ${at}", template: { src: unit.j2, dest: ${root}/unit${at} } }`,
    `{ name: "line ${at}", lineinfile: { path: ${root}/file${at}, line: declared } }`,
    `{ name: "guard ${at}", command: { cmd: "true", creates: ${root}/file${at} } }`,
  ]);
  return `- hosts: web\n  tasks:\n${tasks.map((task) => `    - ${task}\n`).join('')}`;
}
const UNIT = '[Service]\nEnvironment=HOST={{ inventory_hostname }}\nExecStart=/usr/bin/true\n';

function layNode(root: string): void {
  for (let at = 0; at < 10; at += 1) {
    writeFileSync(path.join(root, `file${at}`), 'declared\n');
    writeFileSync(path.join(root, `unit${at}`), UNIT.replace('{{ inventory_hostname }}', 'web1'));
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const costOf = (costs: readonly Cost[]): Cost => ({
  wall: median(costs.map(({ wall }) => wall)),
  cpu: median(costs.map(({ cpu }) => cpu)),
});

/** Measures it in a folder of its own. */
export async function measureNodeRun(rounds = ROUNDS): Promise<NodeRunFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
  const bench = await Bench.start(folder, await makeCertificates(folder));
  try {
    return await measureIn(folder, bench, rounds);
  } finally {
    await bench.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureIn(folder: string, bench: Bench, rounds: number): Promise<NodeRunFigures> {
  const node = bench.newNode();
  layNode(node.root);
  const files = { 'site.yml': playbookOf(node.root), 'unit.j2': UNIT };
  const packed = await bench.bundle({ files });
  const source = path.join(folder, 'source');
  mkdirSync(source);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(source, name), text);
  writeFileSync(path.join(source, 'hosts'), '[web]\nweb1 ansible_connection=local\n');
  const took = path.join(folder, 'took.json');
  const cost = (): Cost => JSON.parse(readFileSync(took, 'utf8')) as Cost;
  const bare = (env: Readonly<Record<string, string>> = {}): Cost => {
    // As our run puts itself: whatever else the machine does slows both alike.
    const command = [
      'nice',
      '-n',
      '10',
      path.join(bench.bin, 'ansible-playbook'),
      '-C',
      '-D',
      '-i',
      'hosts',
      'site.yml',
    ];
    execFileSync('/usr/bin/python3', ['-c', TIMER, took, ...command], {
      cwd: source,
      // Modules run with the first Python of PATH: one of a virtual environment takes longer to start.
      env: { PATH: node.path, HOME: node.home, LC_ALL: 'C.UTF-8', ...env },
      stdio: 'ignore',
    });
    return cost();
  };
  const ours = async (): Promise<Cost> => {
    bench.store.reset(packed.data);
    const ended = await node.run(packed, { seconds: 1800, shell: ['/usr/bin/python3', '-c', TIMER, took, 'sh'] });
    if (ended.answer?.exit !== 0) throw new Error(`our run ended with ${ended.stdout}${ended.stderr}`);
    return cost();
  };
  await ours();
  const tasks = readStream(bench.stream().toString()).lines.filter(({ event }) => event === 'task').length;
  const all: Record<'bare' | 'bareAlike' | 'ours', Cost[]> = { bare: [], bareAlike: [], ours: [] };
  for (let round = 0; round < rounds; round += 1) {
    all.bare.push(bare());
    all.ours.push(await ours());
    all.bareAlike.push(bare({ ANSIBLE_PIPELINING: 'True' }));
  }
  const [first, alike, own] = [costOf(all.bare), costOf(all.bareAlike), costOf(all.ours)];
  return { tasks, bare: first, bareAlike: alike, ours: own, ratio: own.wall / first.wall };
}

if (import.meta.main) {
  const { tasks, bare, bareAlike, ours, ratio } = await measureNodeRun(Number(process.argv[2] ?? ROUNDS));
  const show = (what: string, { wall, cpu }: Cost): void =>
    console.log(`${what.padEnd(50)} ${wall.toFixed(2)} s, ${cpu.toFixed(2)} s of the processor`);
  console.log(`${tasks} tasks on one node, medians:`);
  show('bare ansible-playbook -C -D', bare);
  show('  with pipelining, as our run has it', bareAlike);
  show('our run, from the link to the last line', ours);
  console.log(`  ratio ${ratio.toFixed(3)} of ${MAX_RATIO}${ratio > MAX_RATIO ? '  ABOVE' : ''}`);
  console.log(
    `  with the same settings ${(ours.wall / bareAlike.wall).toFixed(3)}; of the processor ${(ours.cpu / bareAlike.cpu).toFixed(3)}`,
  );
  if (ratio > MAX_RATIO) process.exitCode = 1;
}
