import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { judgeTerraform } from '#drift/terraform/judge.ts';
import { bundle } from '#infra/bundle.ts';
import { readSettings } from '#infra/settings.ts';

/**
 * `node test/bench/terraform.ts [resources]`: what a check costs beside the bare tool, and what judging costs by the size
 * of the plan. Prints ratios of one run; ends with 1 when one is above its limit.
 */
const MAX_RATIO = 1.03;
const MAX_MEMORY_MB = 512;
const ROOT = path.resolve(import.meta.dirname, '../..');
const ID = '00000000-0000-4000-8000-';

const line = (what: string, value: number, limit: number, unit = ''): void => {
  const says = `${value.toFixed(2)}${unit} of ${limit}${unit}`;
  console.log(`${what.padEnd(46)} ${says.padStart(24)}${value > limit ? '  ABOVE' : ''}`);
  if (value > limit) process.exitCode = 1;
};
const seconds = (work: () => void): number => {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
};

/** One instance as states and plans hold it, about 1.4 kB. */
const values = (index: number) => ({
  id: `${ID}${String(index).padStart(12, '0')}`,
  password: `secret-value-${index}`,
  tags: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`tag${at}`, `value number ${at}`])),
  rules: Array.from({ length: 20 }, (_, at) => `10.${index % 256}.${at}.0/24`),
  policy: JSON.stringify({ Statement: [{ Effect: 'Allow', Action: ['s3:Get*'], Resource: '*' }] }),
});

/** A plan of about so many megabytes in which one resource of a hundred would be updated. */
function writePlan(file: string, megabytes: number): void {
  const text = JSON.stringify(values(0)).length * 4 + 700;
  const indexes = Array.from({ length: Math.ceil((megabytes * 1_000_000) / text) }, (_, index) => index);
  const out = openSync(file, 'w');
  const write = (part: string): void => void writeSync(out, part);
  const list = (item: (index: number) => unknown): void => {
    for (const index of indexes) write(`${index === 0 ? '' : ','}${JSON.stringify(item(index))}`);
  };
  const common = (index: number) => ({ address: `x_y.z[${index}]`, mode: 'managed', type: 'x_y', name: 'z', index });
  const state = (index: number) => ({ ...common(index), values: values(index), sensitive_values: { password: true } });
  const masks = { before_sensitive: { password: true }, after_sensitive: { password: true }, after_unknown: {} };
  write('{"format_version":"1.2","planned_values":{"root_module":{"resources":[');
  list(state);
  write(']}},"resource_changes":[');
  list((index) => {
    const [before, changes] = [values(index), index % 100 === 0];
    const after = changes ? { ...before, policy: 'another' } : before;
    return { ...common(index), change: { actions: [changes ? 'update' : 'no-op'], before, after, ...masks } };
  });
  write('],"prior_state":{"values":{"root_module":{"resources":[');
  list(state);
  write(']}}},"applyable":true,"complete":true,"errored":false}');
  closeSync(out);
}

/** In a process of its own, so that its memory is what is measured. */
function judgeAlone(file: string): { readonly seconds: number; readonly megabytes: number } {
  const self = [import.meta.filename, '--judge', file];
  return JSON.parse(execFileSync(process.execPath, self, { cwd: ROOT, encoding: 'utf8', timeout: 300_000 }));
}

function judgeHere(file: string): void {
  const context = { target: 'bench/plan', severity: 'warning', minCoverage: 1, fingerprintKey: 'key' } as const;
  let verdict = '';
  const took = seconds(() => {
    verdict = judgeTerraform({ plan: readFileSync(file), exitCode: 2 }, context).verdict;
  });
  if (verdict !== 'drifted') throw new Error(`the plan was judged ${verdict}`);
  console.log(JSON.stringify({ seconds: took, megabytes: process.resourceUsage().maxRSS / 1024 }));
}

/** A clean workspace: a configuration and the state that an apply of it would have left. */
function writeWorkspace(folder: string, count: number): void {
  mkdirSync(path.join(folder, 'root'), { recursive: true });
  writeFileSync(
    path.join(folder, 'root/main.tf'),
    `resource "terraform_data" "a" {\n  count = ${count}\n  input = "x"\n}\n`,
  );
  const text = { value: 'x', type: 'string' };
  const instances = Array.from({ length: count }, (_, index) => ({
    index_key: index,
    schema_version: 0,
    attributes: { id: values(index).id, input: text, output: text, triggers_replace: null },
  }));
  const provider = 'provider["terraform.io/builtin/terraform"]';
  const resources = [{ mode: 'managed', type: 'terraform_data', name: 'a', provider, instances }];
  const state = { version: 4, terraform_version: '1.5.0', serial: 1, lineage: ID, outputs: {}, resources };
  writeFileSync(path.join(folder, 'root/terraform.tfstate'), JSON.stringify(state));
  const target = { in: ['local'], terraform: { path: 'root' } };
  const config = { version: 1, environments: { local: null }, targets: { root: target } };
  writeFileSync(path.join(folder, 'plumbline.yaml'), JSON.stringify(config));
}

function main(folder: string, count: number): void {
  for (const size of [1, 10, 100]) {
    const file = path.join(folder, 'plan.json');
    writePlan(file, size);
    const megabytes = statSync(file).size / 1_000_000;
    const parse = seconds(() => void JSON.parse(readFileSync(file, 'utf8')));
    const judged = judgeAlone(file);
    console.log(
      `a plan of ${megabytes.toFixed(0)} MB: judged in ${judged.seconds.toFixed(2)} s, ${(judged.seconds / parse).toFixed(1)} × JSON.parse`,
    );
    line('  peak memory', judged.megabytes, MAX_MEMORY_MB, ' MB');
  }
  writeWorkspace(folder, count);
  const terraform = (...args: string[]) =>
    void execFileSync('terraform', args, { cwd: path.join(folder, 'root'), stdio: ['ignore', 'ignore', 'inherit'] });
  const plan = ['plan', '-json', '-input=false', '-lock=false', '-out=bare.tfplan', '-detailed-exitcode'];
  const bare = seconds(() => {
    terraform('init', '-input=false');
    terraform(...plan);
    terraform('show', '-json', 'bare.tfplan');
  });
  rmSync(path.join(folder, 'root/bare.tfplan'));
  // The tool as builds run it: one bundled file.
  const settings = readSettings(path.join(ROOT, 'test/fixtures/config/service.yaml'));
  const cli = [path.join(bundle(settings, folder).tool, 'plumbline.cjs'), 'check', '-c', 'plumbline.yaml'];
  const check = seconds(
    () => void execFileSync(process.execPath, cli, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  console.log(
    `${count} resources in sync: bare init, plan and show ${bare.toFixed(1)} s, our check ${check.toFixed(1)} s`,
  );
  line('  ratio', check / bare, MAX_RATIO);
}

const [mode, argument] = process.argv.slice(2);
if (mode === '--judge' && argument !== undefined) judgeHere(argument);
else {
  const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  main(folder, Number(mode ?? 5000));
}
