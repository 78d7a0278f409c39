import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StepFailure } from './failure.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const DECLARED = /^\s*(?:(cloud)\s*\{|backend\s+"(remote|cloud)")/m;

/**
 * With the backends `remote` and `cloud` the plan would run elsewhere, with rights that are not ours to bound, and init
 * may create a workspace there: refused by what the root module says, before init.
 * @throws StepFailure
 */
export async function refuseDeclaredRemote(folder: string, name: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!/\.(tf|tofu)$/.test(file)) continue;
    const path = join(folder, file);
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    if (size === 0 || size > MAX_FILE_BYTES) continue;
    const found = DECLARED.exec(await readFile(path, 'utf8'));
    if (found !== null) throw notSupported(found[1] ?? found[2] ?? 'remote', name);
  }
}

/** The same by what init has configured: this cannot be hidden from. @throws StepFailure */
export async function refuseConfiguredRemote(data: string, name: string): Promise<void> {
  const file = join(data, 'terraform.tfstate');
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size === 0) return;
  const type = /"type":\s*"(remote|cloud)"/.exec(await readFile(file, 'utf8'))?.[1];
  if (type !== undefined) throw notSupported(type, name);
}

const notSupported = (type: string, name: string): StepFailure =>
  new StepFailure(
    'init',
    `the backend "${type}" is not supported yet: ${name} would plan elsewhere; use another backend`,
  );
