import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { pythonTools } from '#sandbox/venv.ts';
import { eksToken } from '#services/cluster/eks-token.ts';

const ROLE = {
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'FwoGZXIvYXdz/+token==',
};

/** What the AWS command line makes, and when. */
async function byAws(region: string, cluster: string, env: Readonly<Record<string, string>>) {
  const aws = path.join(await pythonTools(), 'aws');
  const { stdout } = await promisify(execFile)(
    ...([aws, ['eks', 'get-token', '--cluster-name', cluster, '--region', region, '--output', 'json']] as const),
    {
      timeout: 60_000,
      env: {
        ...{ PATH: process.env['PATH'] ?? '', AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
        ...{ AWS_ACCESS_KEY_ID: ROLE.accessKeyId, AWS_SECRET_ACCESS_KEY: ROLE.secretAccessKey },
        ...{ AWS_SESSION_TOKEN: ROLE.sessionToken, ...env },
      },
    },
  );
  const { token } = (JSON.parse(stdout) as { readonly status: { readonly token: string } }).status;
  const url = new URL(Buffer.from(token.replace('k8s-aws-v1.', ''), 'base64url').toString());
  const [, ...date] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(url.searchParams.get('X-Amz-Date') ?? '') ?? [];
  const [year, month, day, hour, minute, second] = date;
  return { token, url, date: new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) };
}

describe('the token of an EKS cluster', () => {
  it.each<[region: string, cluster: string, env: Readonly<Record<string, string>>]>([
    ['eu-west-1', 'prod', {}],
    ['us-east-1', 'a-cluster_1', {}],
    ['cn-north-1', 'prod', {}],
    ['eu-west-1', 'prod', { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:4566' }],
  ])('is what the AWS command line makes at the same time: %s, %s, %j', async (region, cluster, env) => {
    const theirs = await byAws(region, cluster, env);
    Object.assign(process.env, env);
    try {
      const ours = await eksToken({ cluster, region, credentials: ROLE }, theirs.date);
      expect(Buffer.from(ours.slice(11), 'base64url').toString()).toBe(theirs.url.href);
      expect(ours).toBe(theirs.token);
      expect(await eksToken({ cluster: `${cluster}x`, region, credentials: ROLE }, theirs.date)).not.toBe(ours);
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
    }
  });
});
