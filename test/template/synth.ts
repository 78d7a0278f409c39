import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App, type NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import * as z from 'zod';
import { parseConfig } from '#drift/config/parse.ts';
import type { Bundles } from '#infra/bundle.ts';
import { PlumblineStack } from '#infra/plumbline-stack.ts';
import { type Settings, settingsOf } from '#infra/settings.ts';
import { TargetsStack } from '#infra/targets-stack.ts';

const root = path.resolve(import.meta.dirname, '../..');
export const SERVICE_CONFIG = path.join(root, 'test/fixtures/config/service.yaml');

/** Settings from the text of a config. */
export function settingsFrom(text: string): Settings {
  const parsed = parseConfig(text, 'plumbline.yaml', null);
  if (!parsed.ok) throw new Error(parsed.errors.map((error) => error.message).join('\n'));
  return settingsOf({ ...parsed.config, commit: null }, 'plumbline.yaml');
}

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes when the test file is done. */
export function scratch(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `plumbline-${name}-`));
  made.push(folder);
  return folder;
}

/** Folders with a file each: what is in them is not the template's business. */
export function emptyBundles(): Bundles {
  const folder = (file: string): string => {
    const into = scratch('bundle');
    writeFileSync(path.join(into, file), 'exports.handler = async () => {};\n');
    return into;
  };
  return {
    functions: {
      ...{ dispatch: folder('index.js'), record: folder('index.js'), sweep: folder('index.js') },
      ...{ webhook: folder('index.js'), 'commit-status': folder('index.js') },
      ...{ widget: folder('index.js'), rerun: folder('index.js') },
      'kube-diff': folder('index.js'),
    },
    tool: folder('plumbline.cjs'),
  };
}

export interface Deployment {
  readonly app: App;
  readonly core: PlumblineStack;
  readonly shards: readonly NestedStack[];
}

/** The app as `cdk` would build it, with the feature flags of cdk.json. */
export function deployment(
  settings: Settings = settingsFrom(readFileSync(SERVICE_CONFIG, 'utf8')),
  context: Readonly<Record<string, unknown>> = {},
): Deployment {
  const flags = JSON.parse(readFileSync(path.join(root, 'cdk.json'), 'utf8')).context;
  const app = new App({ outdir: scratch('synth'), context: { ...flags, ...context } });
  const { account, region } = settings;
  const core = new PlumblineStack(app, 'Plumbline', { env: { account, region }, settings, bundles: emptyBundles() });
  const shards = core.node.findAll().filter((construct) => construct instanceof TargetsStack);
  return { app, core, shards };
}

const resourceSchema = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
});

export interface Resource {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  /** CloudFormation's own shapes; each test narrows what it looks at. */
  // biome-ignore lint/suspicious/noExplicitAny: a template is untyped JSON, and a test that reads past it fails
  readonly properties: any;
}

/** Every resource of every stack. */
export function resourcesOf({ core, shards }: Deployment): readonly Resource[] {
  return [core, ...shards].flatMap((stack) => {
    const { Resources } = Template.fromStack(stack).toJSON();
    return Object.entries(Resources ?? {}).map(([id, resource]) => {
      const { Type, Properties } = resourceSchema.parse(resource);
      return { stack: Stack.of(stack).node.id, id, type: Type, properties: Properties };
    });
  });
}
