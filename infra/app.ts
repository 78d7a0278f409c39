import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'aws-cdk-lib';
import { bundle } from './bundle.ts';
import { PlumblineStack } from './plumbline-stack.ts';
import { NotDeployable, readSettings } from './settings.ts';

/** Synthesizes what the config asks for: `cdk synth -c config=path/to/plumbline.yaml`. */
function main(): void {
  const app = new App();
  const file = contextText(app, 'config') ?? 'plumbline.yaml';
  const runbooks = contextText(app, 'runbooks');
  const settings = readSettings(file);
  const { account, region } = settings;
  const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-bundle-'));
  try {
    new PlumblineStack(app, 'Plumbline', {
      env: { account, region },
      description: 'Plumbline: tells when what runs is no longer what git says',
      settings,
      bundles: bundle(settings, folder),
      ...(runbooks === undefined ? {} : { runbooks }),
    });
    app.synth();
  } finally {
    // CDK has copied what it needs.
    rmSync(folder, { recursive: true, force: true });
  }
}

function contextText(app: App, key: string): string | undefined {
  const value: unknown = app.node.tryGetContext(key);
  if (value === undefined || typeof value === 'string') return value;
  throw new NotDeployable(`the context value ${key} must be a text: -c ${key}=…`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof NotDeployable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
