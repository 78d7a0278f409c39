import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import { DEPLOYED_CONFIG_FILE, JSONNET_FILES } from '#drift/names.ts';
import type { DeployedConfig } from '#drift/target.ts';

export const FUNCTIONS = [
  'dispatch',
  'record',
  'sweep',
  'webhook',
  'commit-status',
  'widget',
  'rerun',
  'kube-diff',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Folders that become assets. */
export interface Bundles {
  readonly functions: Readonly<Record<FunctionName, string>>;
  /** Holds `plumbline.cjs` alone: the source of every build. */
  readonly tool: string;
}

const root = path.resolve(import.meta.dirname, '..');

/**
 * Everything is bundled, the SDK too, so that what runs is what was tested. CommonJS, because parts of the SDK call
 * `require`. Names are kept while white space goes: stack traces can be read without a source map, which would be
 * larger than the code.
 */
export const BUNDLING = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  mainFields: ['module', 'main'],
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Five megabytes that only a person's own kubeconfig is read with: imported in local checks alone, never bundled.
  external: ['@kubernetes/client-node'],
  // Places of files beside a source; a bundle is told where its own lie.
  logOverride: { 'empty-import-meta': 'silent' },
  write: false,
} as const satisfies BuildOptions;

/** Bundles the functions, each with what it reads beside it, and the tool into a folder. Same input, same bytes. */
export function bundle(config: DeployedConfig, folder: string): Bundles {
  const configText = JSON.stringify(config);
  const of = (name: FunctionName): string => {
    const into = compile(`functions/${name}.ts`, path.join(folder, name), 'index.js');
    writeFileSync(path.join(into, DEPLOYED_CONFIG_FILE), configText);
    return into;
  };
  return {
    functions: {
      ...{ dispatch: of('dispatch'), record: of('record'), sweep: of('sweep'), webhook: of('webhook') },
      'commit-status': of('commit-status'),
      widget: of('widget'),
      rerun: of('rerun'),
      'kube-diff': kubeDiff(folder),
    },
    tool: compile('cli/main.ts', path.join(folder, 'tool'), 'plumbline.cjs', { PLUMBLINE_PLUGIN: pluginLiteral() }),
  };
}

/** All that it knows of the config is in its ticket. */
function kubeDiff(folder: string): string {
  const into = compile('functions/kube-diff.ts', path.join(folder, 'kube-diff'), 'index.js');
  compile('services/render/jsonnet/worker.ts', into, JSONNET_FILES.worker);
  const library = path.join(root, 'services/render/jsonnet/lib/libjsonnet.wasm');
  copyFileSync(library, path.join(into, JSONNET_FILES.library));
  return into;
}

/** What nodes are handed lies in no file beside the tool (checks/nodes/plugin-file.ts). */
function pluginLiteral(): string {
  return JSON.stringify(readFileSync(path.join(root, 'checks/nodes/plugin/plumbline_events.py'), 'utf8'));
}

function compile(entry: string, folder: string, file: string, define: Readonly<Record<string, string>> = {}): string {
  const { outputFiles } = buildSync({ ...BUNDLING, define, entryPoints: [entry] });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, file), output.contents);
  return folder;
}
