import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import * as z from 'zod';
import { type Report, reportSchema } from '#drift/report.ts';
import { type CommandOptions, type Ended, plumbline } from './command.ts';

/** The recorded plans. */
export const LAB = new URL('../fixtures/terraform/lab/', import.meta.url).pathname;
export let repo: string;
export let tmp: string;
export let bin: string;

/** Fresh folders for each test; afterwards nothing of a check may be left, however it ended. */
export function useRepository(): void {
  beforeEach(async () => {
    repo = await mkdtemp(join(tmpdir(), 'plumbline-e2e-repo-'));
    tmp = await mkdtemp(join(tmpdir(), 'plumbline-e2e-tmp-'));
    bin = await mkdtemp(join(tmpdir(), 'plumbline-e2e-bin-'));
  });
  afterEach(async () => {
    expect(readdirSync(tmp)).toEqual([]);
    for (const folder of [repo, tmp, bin]) await rm(folder, { recursive: true, force: true });
  });
}

export const APP = `
terraform {
  backend "local" {}
}
variable "size" { type = string }
variable "password" {
  type      = string
  sensitive = true
  default   = "unset-password"
}
resource "terraform_data" "app" {
  input = var.size
}
output "size" { value = terraform_data.app.output }
`;

export async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(repo, name)), { recursive: true });
    await writeFile(join(repo, name), text);
  }
}

export const config = (terraform: string, more = '') => `version: 1
environments:
  prod: { severity: critical }
targets:
  app: { in: [prod], ${more} terraform: { path: terraform/app, ${terraform} } }
`;

/** A root module whose state says `size = small`; the state lies where the backend config says. */
export async function applied(extra: Readonly<Record<string, string>> = {}): Promise<void> {
  await write({
    'plumbline.yaml': config(
      `varFiles: ["env/\${environment}.tfvars"], backendConfig: { path: ../../state/app.tfstate }`,
    ),
    'env/prod.tfvars': 'size = "small"\n',
    'terraform/app/main.tf': APP,
    ...extra,
  });
  const at = join(repo, 'terraform/app');
  const env = { ...process.env, TF_DATA_DIR: join(bin, 'data') };
  const terraform = (...args: string[]) => execFileSync('terraform', args, { cwd: at, env, stdio: 'pipe' });
  terraform('init', '-backend-config=path=../../state/app.tfstate');
  terraform('apply', '-auto-approve', '-var-file=../../env/prod.tfvars');
}

export const run = (args: readonly string[], options: Partial<CommandOptions> = {}): Promise<Ended> =>
  plumbline(args, { cwd: repo, ...options, env: { TMPDIR: tmp, ...options.env } });
export const withFake = (): Record<string, string> => ({ PATH: `${bin}:${process.env['PATH']}` });

export async function check(options: Partial<CommandOptions> = {}): Promise<{ report: Report; ended: Ended }> {
  const ended = await run(['check', 'prod/app', '--json'], options);
  const [report] = z.tuple([reportSchema]).parse(JSON.parse(ended.stdout));
  return { report, ended };
}

/** Name, content, mode and time of everything in the repository. */
export async function fingerprintOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const found = await stat(join(folder, name));
    hash.update(`${name} ${found.mode} ${found.mtimeMs} `);
    if (found.isFile()) hash.update(await readFile(join(folder, name)));
  }
  return hash.digest('hex');
}
