import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYED_CONFIG_FILE, FUNCTION_ENV, JSONNET_FILES } from '#drift/names.ts';
import { type Bundles, bundle, FUNCTIONS } from '#infra/bundle.ts';
import { readSettings } from '#infra/settings.ts';
import { RENDER_LIMITS } from '#services/render/request.ts';
import { SERVICE_CONFIG, scratch } from './synth.ts';

const MAX_ZIPPED = 1.5 * 1024 * 1024;
const settings = readSettings(SERVICE_CONFIG);
let bundles: Bundles;
beforeAll(() => {
  bundles = bundle(settings, scratch('bundles'));
});

const contents = (folder: string): Record<string, Uint8Array> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, new Uint8Array(readFileSync(path.join(folder, file)))]));

describe.each(FUNCTIONS)('the bundle of %s', (name) => {
  test('holds the code and what it reads, and nothing else', () => {
    const files = contents(bundles.functions[name]);
    const beside = name === 'kube-diff' ? Object.values(JSONNET_FILES) : [DEPLOYED_CONFIG_FILE];
    expect(Object.keys(files).sort()).toEqual(['index.js', ...beside].sort());
    if (name === 'kube-diff') return;
    const config = JSON.parse(Buffer.from(files[DEPLOYED_CONFIG_FILE] ?? []).toString());
    expect(config).toMatchObject({ hash: settings.hash, commit: settings.commit });
    expect(config.targets).toHaveLength(9);
  });

  test('is small', () => {
    expect(zipSync(contents(bundles.functions[name])).length).toBeLessThan(MAX_ZIPPED);
  });

  test('loads by itself, as Lambda loads it', async () => {
    const folder = bundles.functions[name];
    const { stdout } = await promisify(execFile)(process.execPath, ['-p', 'typeof require("./index.js").handler'], {
      cwd: folder,
      timeout: 30_000,
      env: {
        LAMBDA_TASK_ROOT: folder,
        AWS_REGION: 'eu-west-1',
        ...Object.fromEntries(Object.values(FUNCTION_ENV).map((variable) => [variable, '{}'])),
      },
    });
    expect(stdout.trim()).toBe('function');
  });
});

test('the bundle of kube-diff evaluates jsonnet by what lies beside it', async () => {
  const folder = bundles.functions['kube-diff'];
  const root = scratch('program');
  writeFileSync(path.join(root, 'lib.libsonnet'), '{ kind: "ConfigMap" }');
  writeFileSync(path.join(root, 'main.jsonnet'), '(import "lib.libsonnet") + { apiVersion: std.extVar("version") }');
  const worker = new Worker(path.join(folder, JSONNET_FILES.worker), {
    workerData: {
      ...{ root, limits: RENDER_LIMITS, library: path.join(folder, JSONNET_FILES.library) },
      ...{ file: 'main.jsonnet', ext: { version: 'v1' }, tla: {}, importPaths: [] },
    },
  });
  const answer = await new Promise<{ json: string }>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  expect(JSON.parse(answer.json)).toEqual({ apiVersion: 'v1', kind: 'ConfigMap' });
  await worker.terminate();
});

describe('the bundle of the tool', () => {
  test('is one file, and knows what CodeBuild asks of it', async () => {
    expect(readdirSync(bundles.tool)).toEqual(['plumbline.cjs']);
    const tool = path.join(bundles.tool, 'plumbline.cjs');
    const options = { cwd: bundles.tool, timeout: 30_000, env: { AWS_REGION: 'eu-west-1' } };
    const { stdout } = await promisify(execFile)(process.execPath, [tool, 'build', '--help'], options);
    expect(stdout).toContain('build');
  });

  test('has the plugin for Ansible in it, to the byte', async () => {
    const folder = scratch('nodes');
    const seen = path.join(folder, 'seen.py');
    const config = {
      ...{ version: 1, environments: { here: {} } },
      targets: { nodes: { in: ['here'], nodes: { playbook: 'site.yml', inventory: 'hosts' } } },
    };
    writeFileSync(path.join(folder, 'plumbline.yaml'), JSON.stringify(config));
    for (const name of ['site.yml', 'hosts']) writeFileSync(path.join(folder, name), '');
    const script = `#!/bin/sh\ncp "$ANSIBLE_CALLBACK_PLUGINS/plumbline_events.py" ${seen}\nexit 1\n`;
    writeFileSync(path.join(folder, 'ansible-playbook'), script, { mode: 0o755 });
    const tool = path.join(bundles.tool, 'plumbline.cjs');
    const options = { cwd: folder, timeout: 30_000, env: { PATH: `${folder}:${process.env['PATH']}`, HOME: folder } };
    await promisify(execFile)(process.execPath, [tool, 'check', 'here/nodes'], options).catch(() => undefined);
    const plugin = path.resolve(import.meta.dirname, '../../checks/nodes/plugin/plumbline_events.py');
    expect(readFileSync(seen, 'utf8')).toBe(readFileSync(plugin, 'utf8'));
  });
});

test('the same input makes the same bytes', () => {
  const digests = (of: Bundles): readonly string[] =>
    [...Object.values(of.functions), of.tool].flatMap((folder) =>
      Object.entries(contents(folder)).map(([file, bytes]) => `${file} ${hash('sha256', bytes)}`),
    );
  expect(digests(bundles)).toHaveLength(2 * FUNCTIONS.length + 1 + 1);
  expect(digests(bundle(settings, scratch('bundles')))).toEqual(digests(bundles));
});
