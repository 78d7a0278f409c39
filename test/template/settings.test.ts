import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NotDeployable, readSettings } from '#infra/settings.ts';
import { SERVICE_CONFIG } from './synth.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configWith(change: (text: string) => string): string {
  const file = path.join(folder, 'plumbline.yaml');
  writeFileSync(file, change(readFileSync(SERVICE_CONFIG, 'utf8')));
  return file;
}

describe('what is deployed', () => {
  test('is the config without the targets that only a person checks', () => {
    const settings = readSettings(SERVICE_CONFIG);
    expect(settings.targets.map(({ name }) => name).sort()).toEqual([
      'prod/by-hand',
      'prod/cluster',
      'prod/edge',
      'prod/network',
      'prod/nodes',
      'prod/shop',
      'staging/network',
      'staging/nodes',
      'staging/web',
    ]);
    expect(settings).toMatchObject({ account: '111111111111', region: 'eu-west-1' });
  });

  test('names the commit of the config’s repository, if there is one', () => {
    const head = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
    expect(readSettings(SERVICE_CONFIG).commit).toBe(head);
    expect(readSettings(configWith((text) => text)).commit).toBeNull();
  });

  test('names no commit that has another config, or none', () => {
    const clone = path.join(folder, 'dirty');
    mkdirSync(clone);
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', clone, '-c', 'user.name=a', '-c', 'user.email=a@acme.example', ...args], {
        stdio: 'pipe',
        encoding: 'utf8',
      });
    const config = path.join(clone, 'plumbline.yaml');
    const text = readFileSync(SERVICE_CONFIG, 'utf8');
    git('init', '--quiet');
    git('commit', '--quiet', '--allow-empty', '-m', 'none');
    writeFileSync(config, text);
    expect(readSettings(config).commit, 'not in git').toBeNull();
    git('add', '.');
    expect(readSettings(config).commit, 'not committed').toBeNull();
    git('commit', '--quiet', '-m', 'one');
    expect(readSettings(config).commit).toBe(git('rev-parse', 'HEAD').trim());
    writeFileSync(config, text.replace('rate(1 hour)', 'rate(2 hours)'));
    expect(readSettings(config).commit, 'changed since').toBeNull();
  });

  test('names the place of the config in its repository, and nothing secret of the address', () => {
    const clone = path.join(folder, 'clone');
    const ops = path.join(clone, 'ops');
    mkdirSync(ops, { recursive: true });
    const git = (...args: readonly string[]) => execFileSync('git', ['-C', clone, ...args], { stdio: 'pipe' });
    git('init', '--quiet');
    const config = path.join(ops, 'plumbline.yaml');
    writeFileSync(config, readFileSync(SERVICE_CONFIG, 'utf8'));
    expect(readSettings(config).file).toBeUndefined();
    git('remote', 'add', 'origin', 'https://alice:a-token-4711@github.com/acme/Infra.git');
    expect(readSettings(config).file).toEqual({ repository: 'github.com/acme/infra', path: 'ops/plumbline.yaml' });
    git('remote', 'set-url', 'origin', '/srv/git/infra.git');
    expect(readSettings(config).file).toBeUndefined();
  });

  test.each([
    [
      'another account',
      '"111111111111"\n    region: eu-west-1\n    role: plumbline-prod',
      '"222222222222"\n    region: eu-west-1\n    role: plumbline-prod',
    ],
    ['another region', 'region: eu-west-1\n    role: plumbline-prod', 'region: us-east-1\n    role: plumbline-prod'],
  ])('is of one account and region: %s is an error with a remedy', (_, from, to) => {
    const file = configWith((text) => text.replace(from, to));
    expect(() => readSettings(file)).toThrow(NotDeployable);
    expect(() => readSettings(file)).toThrow(/not in one account and region.*write one config per account and region/);
  });

  test('is something: a config without a target for the service is an error', () => {
    const file = configWith((text) => text.replaceAll(/\n {4}source: .*/g, '').replaceAll(/\n {4}schedule: .*/g, ''));
    expect(() => readSettings(file)).toThrow(/no target can be deployed/);
  });
});

describe('the app', () => {
  const run = (file: string) =>
    spawnSync(process.execPath, ['infra/app.ts'], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH: process.env['PATH'], CDK_CONTEXT_JSON: JSON.stringify({ config: file }), CDK_OUTDIR: folder },
    });

  test('prints every mistake of the config with its place, and no stack trace', () => {
    const file = configWith((text) =>
      text.replace('rate(1 hour)', 'rate(1 hours)').replace('role: plumbline-prod', 'rolle: plumbline-prod'),
    );
    const { status, stderr } = run(file);
    expect(status).toBe(1);
    expect(stderr).toMatch(/plumbline\.yaml:\d+:\d+: targets\.network\.schedule: /);
    expect(stderr).toMatch(/plumbline\.yaml:\d+:\d+: environments\.prod\.rolle: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('says how to name a config when there is none', () => {
    const { status, stderr } = run(path.join(folder, 'nowhere.yaml'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/nowhere\.yaml cannot be read: name your config with -c config=/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
