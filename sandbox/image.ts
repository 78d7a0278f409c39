import { chmodSync, constants, copyFileSync, existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installProvider } from './provider/install.ts';
import { SandboxError } from './run.ts';

/**
 * What a build's machine has: node, git and terraform, the latter knowing where the sandbox's provider lies. Everything
 * in it may be read by everyone, because terraform runs there as another Unix user.
 * @returns the image's folder; its `bin` goes first on a PATH
 */
export async function makeImage(dir: string): Promise<string> {
  const bin = path.join(dir, 'bin');
  const libexec = path.join(dir, 'libexec');
  for (const folder of [dir, bin, libexec]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  place(process.execPath, path.join(bin, 'node'));
  place(
    find('terraform', 'See https://developer.hashicorp.com/terraform/install (1.10 or newer)'),
    path.join(libexec, 'terraform'),
  );
  const git = find('git', 'On Debian: apt-get install git');
  wrapper(path.join(bin, 'git'), `exec ${git} "$@"`);
  const cliConfig = await installProvider(dir);
  wrapper(
    path.join(bin, 'terraform'),
    `export TF_CLI_CONFIG_FILE=${cliConfig} TF_DISABLE_PLUGIN_TLS=1\nexec ${path.join(libexec, 'terraform')} "$@"`,
  );
  return dir;
}

/** Puts a script in the place of a tool of the image. */
export function wrapper(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** A link where the file system allows it: these files are large. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
  chmodSync(to, 0o755);
}

function find(tool: string, remedy: string): string {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, tool);
    if (folder !== '' && existsSync(file)) return file;
  }
  throw new SandboxError(`${tool} is not on the PATH. ${remedy}`);
}
