import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** `node test/bench/synth.ts [targets]`: how long a deployment of so many targets takes to synthesize, and how full it is. */
const TARGETS = Number(process.argv[2] ?? 2000);
const MAX_SECONDS = 60;
const MAX_RESOURCES = 450;
/** CloudFormation's limit on a template, in bytes. */
const MAX_TEMPLATE = 1024 * 1024;

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
try {
  const config = path.join(folder, 'plumbline.yaml');
  const targets = Array.from(
    { length: TARGETS },
    (_, index) =>
      `  t${index}: { in: [prod], source: infra, schedule: rate(1 hour), terraform: { path: terraform/t${index} } }`,
  );
  writeFileSync(
    config,
    `version: 1
sources: { infra: { url: https://git.example/infra.git, ref: main } }
environments: { prod: { account: "111111111111", region: eu-west-1, role: plumbline, severity: critical } }
targets:
${targets.join('\n')}
notify: { critical: { email: [a@acme.example] } }
`,
  );
  const root = path.resolve(import.meta.dirname, '../..');
  const { context } = JSON.parse(readFileSync(path.join(root, 'cdk.json'), 'utf8'));
  const out = path.join(folder, 'cdk.out');
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, ['infra/app.ts'], {
    cwd: root,
    stdio: 'inherit',
    timeout: 300_000,
    env: { ...process.env, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify({ ...context, config }) },
  });
  if (status !== 0) throw new Error(`synth ended with ${status}`);
  const seconds = (performance.now() - startedAt) / 1000;
  const templates = readdirSync(out).filter((file) => file.endsWith('.template.json'));
  const resources = templates.map(
    (file) => Object.keys(JSON.parse(readFileSync(path.join(out, file), 'utf8')).Resources).length,
  );
  const largest = Math.max(...templates.map((file) => statSync(path.join(out, file)).size));
  const line = (what: string, value: number, limit: number): void =>
    console.log(`${what.padEnd(36)} ${value.toFixed(1).padStart(10)} of ${limit}: ratio ${(value / limit).toFixed(2)}`);
  console.log(`${TARGETS} targets in ${templates.length} stacks`);
  line('seconds to synthesize', seconds, MAX_SECONDS);
  line('resources in the fullest stack', Math.max(...resources), MAX_RESOURCES);
  line('bytes of the largest template', largest, MAX_TEMPLATE);
  process.exitCode = seconds > MAX_SECONDS || Math.max(...resources) > MAX_RESOURCES || largest > MAX_TEMPLATE ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
