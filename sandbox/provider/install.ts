import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const ADDRESS = 'sandbox.plumbline.invalid/acme/cloud';
const VERSION = '0.1.0';
const PLATFORMS = ['linux_amd64', 'linux_arm64', 'darwin_amd64', 'darwin_arm64'];

/**
 * What terraform finds and hashes: always the same bytes on every machine, so that a committed lock file stays valid.
 * The provider itself lies beside the mirror, five folders up.
 */
const PACKAGE = `#!/bin/sh
image=$(cd -P "$(dirname "$0")/../../../../../.." && pwd)
exec "$image/bin/node" "$image/provider/provider.mjs"
`;

/**
 * Puts the provider where terraform finds it, readable by everyone.
 * @param image a folder whose `bin/node` runs it
 * @returns the CLI configuration that names the mirror
 */
export async function installProvider(image: string): Promise<string> {
  const home = path.join(image, 'provider');
  mkdirSync(home, { recursive: true });
  await build({
    entryPoints: [path.join(import.meta.dirname, 'provider.ts')],
    outfile: path.join(home, 'provider.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // It is started several times a plan: what is left out need not be read.
    mainFields: ['module', 'main'],
    minifySyntax: true,
    minifyWhitespace: true,
    // Some of the libraries are CommonJS and ask for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  for (const name of ['plugin.proto', 'controller.proto'])
    copyFileSync(path.join(import.meta.dirname, name), path.join(home, name));
  for (const platform of PLATFORMS) {
    const folder = path.join(image, 'mirror', ADDRESS, VERSION, platform);
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `terraform-provider-cloud_v${VERSION}`);
    writeFileSync(file, PACKAGE);
    chmodSync(file, 0o755);
  }
  const cliConfig = path.join(image, 'terraform.rc');
  writeFileSync(
    cliConfig,
    `provider_installation {\n  filesystem_mirror {\n    path = "${path.join(image, 'mirror')}"\n  }\n}\n`,
  );
  return cliConfig;
}
