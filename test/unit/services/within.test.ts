import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { expect, test } from 'vitest';
import { within } from '#services/aws/within.ts';

test('a call that nobody answers ends, and is no mere warning', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
  const client = new STSClient({ ...within(200), maxAttempts: 1, region: 'eu-west-1', endpoint, credentials });
  try {
    await expect(client.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: 'TimeoutError' });
  } finally {
    client.destroy();
    silent.closeAllConnections();
    silent.close();
  }
});
