import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGitHost, type TestGitHost } from './git-host.ts';
import { check, config, useRepository, write } from './repository.ts';

const TOKEN = 'module-token-4711-not-to-be-seen';
const BASIC = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');

let host: TestGitHost;
beforeAll(async () => {
  host = await startGitHost();
  await host.commit({ 'shared/main.tf': 'output "size" {\n  value = "small"\n}\n' });
  host.protect(TOKEN);
});
afterAll(() => host.stop());
useRepository();

const MAIN = (url: string): string => `
module "shared" {
  source = "git::${url}//shared?ref=main"
}
resource "terraform_data" "app" {
  input = module.shared.size
}
`;

async function withModule(env: string): Promise<void> {
  await write({ 'plumbline.yaml': config(env), 'terraform/app/main.tf': MAIN(host.url) });
}

test('a module in a private repository: without a token its error says so, and no token is in it', async () => {
  await withModule('');
  const { report } = await check({ env: { GIT_SSL_CAINFO: host.caFile, GIT_TERMINAL_PROMPT: '0' } });
  expect(report.verdict).toBe('unknown');
  expect(report.reason).toMatch(/^init failed: .*module/i);
});

test('with git settings from a secret it is fetched, and they are in no report', async () => {
  await withModule('env: { GIT_CONFIG_PARAMETERS: { secret: git/modules } }');
  const settings = `'http.${new URL(host.url).origin}/.extraHeader=Authorization: Basic ${BASIC}'`;
  const { report, ended } = await check({
    env: { GIT_SSL_CAINFO: host.caFile, GIT_CONFIG_PARAMETERS: settings },
  });
  expect([report.verdict, report.findings.map((finding) => finding.subject)]).toEqual([
    'drifted',
    ['terraform_data.app'],
  ]);
  for (const text of [JSON.stringify(report), ended.stdout, ended.stderr]) {
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(BASIC);
  }
});
