import { describe, expect, test } from 'vitest';
import { proxySettings, reservedNames, toolEnvironment } from '#checks/environment.ts';

const OURS = {
  PATH: '/usr/bin',
  HOME: '/home/alice',
  LANG: 'C',
  AWS_REGION: 'eu-west-1',
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_ENDPOINT_URL: 'https://aws.example',
  AWS_ENDPOINT_URL_S3: 'https://s3.example',
  AWS_CA_BUNDLE: '/ca.pem',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_PROFILE: 'prod',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: 'token',
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2',
  AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
  HTTPS_PROXY: 'http://proxy:3128',
  no_proxy: 'localhost',
  SSL_CERT_FILE: '/ca.pem',
  XDG_DATA_DIRS: '/usr/share',
  TF_PLUGIN_CACHE_DIR: '/cache',
  TF_CLI_CONFIG_FILE: '/home/alice/.tofurc',
  TF_TOKEN_app_terraform_io: 'token',
  TF_CLI_ARGS: '-bogus',
  TF_CLI_ARGS_plan: '-destroy',
  TF_LOG: 'trace',
  TF_LOG_PATH: '/tmp/log',
  TF_WORKSPACE: 'other',
  TF_DATA_DIR: '/tmp/data',
  TF_VAR_password: 'secret',
  TF_REATTACH_PROVIDERS: '{}',
  GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
  GITHUB_TOKEN: 'token',
  TICKET: 'ticket',
  CODEBUILD_BUILD_ID: 'build',
  NODE_OPTIONS: '--require /evil.js',
  LD_PRELOAD: '/evil.so',
  UNSET: undefined,
};
const SERVICE = [
  ...['AWS_CA_BUNDLE', 'AWS_DEFAULT_REGION', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_REGION'],
  ...['AWS_USE_FIPS_ENDPOINT', 'HTTPS_PROXY', 'LANG', 'PATH', 'SSL_CERT_FILE', 'TF_PLUGIN_CACHE_DIR', 'XDG_DATA_DIRS'],
  'no_proxy',
];

describe('what the tool sees of us', () => {
  test('in a build: no credential, no home, nothing of the build', () => {
    expect(Object.keys(toolEnvironment(OURS, 'service')).sort()).toEqual([...SERVICE].sort());
  });

  test("on a person's machine: that person's credentials too, never what changes the commands", () => {
    const theirs = [
      ...['AWS_ACCESS_KEY_ID', 'AWS_CONTAINER_AUTHORIZATION_TOKEN', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'],
      ...['AWS_PROFILE', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
      ...['GOOGLE_APPLICATION_CREDENTIALS', 'HOME', 'TF_CLI_CONFIG_FILE', 'TF_TOKEN_app_terraform_io'],
    ];
    expect(Object.keys(toolEnvironment(OURS, 'workstation')).sort()).toEqual([...SERVICE, ...theirs].sort());
  });

  test('git gets the proxies alone', () => {
    expect(proxySettings(OURS)).toEqual({ HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'localhost' });
  });
});

test('names that terraform.env may not set', () => {
  const refused = [
    ...[
      'TF_CLI_ARGS',
      'TF_CLI_ARGS_plan',
      'TF_CLI_CONFIG_FILE',
      'TF_LOG',
      'TF_LOG_PATH',
      'TF_DATA_DIR',
      'TF_WORKSPACE',
    ],
    ...['TF_REATTACH_PROVIDERS', 'PATH', 'HOME', 'TMPDIR', 'LD_PRELOAD', 'NODE_OPTIONS', 'BASH_ENV', 'A-B', '1A', ''],
  ];
  const allowed = ['TF_VAR_password', 'TF_VAR_home', 'DATADOG_API_KEY', 'AWS_ACCESS_KEY_ID', 'TF_TOKEN_example_com'];
  expect(reservedNames([...refused, ...allowed])).toEqual(refused);
});
