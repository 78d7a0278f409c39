import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { playbookRun } from '#checks/nodes/playbook.ts';
import { encryptVault } from '#checks/nodes/vault.ts';
import { HINTS } from '#drift/nodes/hints.ts';
import type { NodesCheck } from '#drift/target.ts';

const PLUGIN = path.resolve(import.meta.dirname, '../../../checks/nodes/plugin/plumbline_events.py');

export const KEY = 'one-time-key-0123456789abcdefghijklmnop';
export const NODE = 'i-0123456789abcdef0';

export interface BundleRequest {
  /** Where this node's stream goes. */
  readonly link: string;
  /** Files of the repository, by their path; `{ to }`: a symbolic link. */
  readonly files: Readonly<Record<string, string | Buffer | { readonly to: string }>>;
  readonly check?: Partial<NodesCheck>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vaultPassword?: string;
  readonly node?: string;
  readonly maxStreamBytes?: number;
}

export interface Packed {
  readonly data: Buffer;
  readonly sha256: string;
}

export const packedOf = (data: Buffer): Packed => ({
  data,
  sha256: createHash('sha256').update(data).digest('hex'),
});

/** A bundle as seam 3 has it, made by `tar`. */
export async function pack(folder: string, request: BundleRequest): Promise<Packed> {
  lay(folder, request);
  const { stdout } = await execa('tar', ['-C', folder, '-czf', '-', '.'], { encoding: 'buffer' });
  rmSync(folder, { recursive: true });
  return packedOf(Buffer.from(stdout));
}

function lay(folder: string, request: BundleRequest): void {
  const { files, secrets, vaultPassword, node = NODE } = request;
  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  };
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string' || Buffer.isBuffer(content)) write(`source/ansible/${name}`, content);
    else symlinkSync(content.to, path.join(folder, 'source/ansible', name));
  }
  write('plugin/plumbline_events.py', readFileSync(PLUGIN));
  const group = { hosts: { web1: null, web2: null } };
  write('inventory.yml', JSON.stringify({ all: { children: { web: group } } }));
  if (secrets !== undefined) write('secrets.yml', encryptVault(JSON.stringify(secrets), KEY));
  if (vaultPassword !== undefined) write('vault-password.yml', encryptVault(vaultPassword, KEY));
  const has = { secrets: secrets !== undefined, vaultPassword: vaultPassword !== undefined, collections: false };
  const run = playbookRun({ check: checkOf(request), settings: {}, folder: 'ansible', place: 'node', has });
  write(
    'run.json',
    JSON.stringify({
      format: 'plumbline.bundle/1',
      links: { [node]: request.link },
      names: { [node]: 'web1' },
      ...run,
      hints: HINTS,
      maxStreamBytes: request.maxStreamBytes ?? 33_554_432,
    }),
  );
}

const checkOf = ({ check, secrets = {} }: BundleRequest): NodesCheck => ({
  playbook: 'ansible/site.yml',
  extraVars: {},
  secretVars: Object.fromEntries(Object.keys(secrets).map((name) => [name, { secret: name }])),
  extraVarsFiles: [],
  tags: [],
  skipTags: [],
  secretVariables: [],
  minNodes: 1,
  settleSeconds: 0,
  concurrency: '50',
  ...check,
});

/** An archive with members that `tar` does not make: a Python expression for each, with `member(name, type, link, data)`. */
export async function packOdd(members: readonly string[]): Promise<Packed> {
  const program = `
import io, sys, tarfile
def member(name, kind=tarfile.REGTYPE, link='', data=b''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    archive.addfile(info, io.BytesIO(data))
out = io.BytesIO()
archive = tarfile.open(fileobj=out, mode='w:gz')
${members.map((text) => `member(${text})`).join('\n')}
archive.close()
sys.stdout.buffer.write(out.getvalue())`;
  const { stdout } = await execa('python3', ['-c', program], { encoding: 'buffer' });
  return packedOf(Buffer.from(stdout));
}

/** A playbook that does nothing but to say something. */
export const IDLE = { 'site.yml': '- hosts: web\n  gather_facts: false\n  tasks: [{ debug: { msg: hello } }]\n' };

/** A playbook of one task that runs in check mode too. */
export const running = (command: string): { readonly 'site.yml': string } => ({
  'site.yml': `
- hosts: web
  gather_facts: false
  tasks:
    - name: really run
      shell: ${JSON.stringify(command)}
      check_mode: false
`,
});
