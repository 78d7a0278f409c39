import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zipSync } from 'fflate';
import { FUNCTION_ENV } from '#drift/names.ts';
import { bundle, FUNCTIONS } from '#infra/bundle.ts';
import { readSettings } from '#infra/settings.ts';

/** `node test/bench/lambda.ts`: how large each function is, and how long it takes to load, the best of a few. */
const MAX_BYTES = 1.5 * 1024 * 1024;
const MAX_MS = {
  dispatch: 250,
  record: 250,
  sweep: 250,
  webhook: 250,
  'commit-status': 250,
  widget: 250,
  rerun: 250,
  'kube-diff': 400,
} as const;
const TRIES = 7;

const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const settings = readSettings(path.resolve(import.meta.dirname, '../fixtures/config/service.yaml'));
const bundles = bundle(settings, folder);
const line = (what: string, value: number, limit: number): void => {
  console.log(`${what.padEnd(28)} ${value.toFixed(0).padStart(9)} of ${limit}: ratio ${(value / limit).toFixed(2)}`);
  if (value > limit) process.exitCode = 1;
};
for (const name of FUNCTIONS) {
  const cwd = bundles.functions[name];
  const files = readdirSync(cwd).map((file) => [file, new Uint8Array(readFileSync(path.join(cwd, file)))] as const);
  const script = 'const t = performance.now(); require("./index.js"); console.log(performance.now() - t)';
  const env = {
    LAMBDA_TASK_ROOT: cwd,
    AWS_REGION: 'eu-west-1',
    ...Object.fromEntries(Object.values(FUNCTION_ENV).map((variable) => [variable, '{}'])),
  };
  const load = (): number =>
    Number(execFileSync(process.execPath, ['-e', script], { cwd, env, encoding: 'utf8', timeout: 30_000 }));
  line(`${name}: bytes, zipped`, zipSync(Object.fromEntries(files)).length, MAX_BYTES);
  line(`${name}: ms to load`, Math.min(...Array.from({ length: TRIES }, load)), MAX_MS[name]);
}
