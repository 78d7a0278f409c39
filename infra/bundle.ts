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

/**
 * Bundles the functions, each with what it reads beside it, and the tool into a folder. Same input, same bytes. All at
 * once: what they share is read and parsed only once.
 */
export function bundle(config: DeployedConfig, folder: string): Bundles {
  compile(folder, {
    ...Object.fromEntries(FUNCTIONS.map((name) => [`functions/${name}.ts`, `${name}/index.js`])),
    'services/render/jsonnet/worker.ts': `kube-diff/${JSONNET_FILES.worker}`,
    'cli/main.ts': 'tool/plumbline.cjs',
  });
  const configText = JSON.stringify(config);
  // All that kube-diff knows of the config is in its ticket.
  for (const name of FUNCTIONS.filter((name) => name !== 'kube-diff')) {
    writeFileSync(path.join(folder, name, DEPLOYED_CONFIG_FILE), configText);
  }
  const library = path.join(root, 'services/render/jsonnet/lib/libjsonnet.wasm');
  copyFileSync(library, path.join(folder, 'kube-diff', JSONNET_FILES.library));
  const of = (name: FunctionName): string => path.join(folder, name);
  return {
    functions: {
      ...{ dispatch: of('dispatch'), record: of('record'), sweep: of('sweep'), webhook: of('webhook') },
      'commit-status': of('commit-status'),
      widget: of('widget'),
      rerun: of('rerun'),
      'kube-diff': of('kube-diff'),
    },
    tool: path.join(folder, 'tool'),
  };
}

/** What nodes are handed lies in no file beside the tool (checks/nodes/plugin-file.ts). */
function pluginLiteral(): string {
  return JSON.stringify(readFileSync(path.join(root, 'checks/nodes/plugin/plumbline_events.py'), 'utf8'));
}

/** @param files source below the project → file below the folder that is made of it */
function compile(folder: string, files: Readonly<Record<string, string>>): void {
  const stem = (file: string): string => file.slice(0, -path.extname(file).length);
  const { outputFiles } = buildSync({
    ...BUNDLING,
    define: { PLUMBLINE_PLUGIN: pluginLiteral() },
    outdir: folder,
    entryPoints: Object.entries(files).map(([source, file]) => ({ in: source, out: stem(file) })),
  });
  const made = new Map(outputFiles.map((output) => [stem(path.relative(folder, output.path)), output.contents]));
  for (const [source, file] of Object.entries(files)) {
    const contents = made.get(stem(file));
    if (contents === undefined) throw new Error(`esbuild made nothing of ${source}`);
    const into = path.join(folder, file);
    mkdirSync(path.dirname(into), { recursive: true });
    writeFileSync(into, contents);
  }
}
