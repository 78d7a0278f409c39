import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { S3Links } from '#services/aws/s3-links.ts';
import { S3Uploads } from '#services/aws/s3-uploads.ts';
import { UploadFailed, uploadOnce } from '#services/upload.ts';

describe('a signed address', () => {
  const link = async (): Promise<URL> => {
    const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'session' };
    const client = new S3Client({ region: 'eu-west-1', credentials, requestChecksumCalculation: 'WHEN_REQUIRED' });
    return new URL(await new S3Uploads('results', client).link('inbox/kubernetes/n0nce/report.json', 1500));
  };

  test('leads to its key alone, for the time that it is given', async () => {
    const { protocol, host, pathname, searchParams } = await link();
    expect([protocol, host, pathname]).toEqual([
      'https:',
      'results.s3.eu-west-1.amazonaws.com',
      '/inbox/kubernetes/n0nce/report.json',
    ]);
    expect(searchParams.get('X-Amz-Expires')).toBe('1500');
    expect(searchParams.get('x-id')).toBe('PutObject');
  });

  test('demands the header that lets nobody write over what is there, and no checksum of what is not known', async () => {
    const { searchParams } = await link();
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('host;if-none-match');
    const names = [...searchParams.keys()].map((name) => name.toLowerCase());
    expect(names.filter((name) => name.includes('checksum') || name === 'if-none-match')).toEqual([]);
  });
});

describe('a signed address to read from', () => {
  const identity = (minutes: number) => ({
    ...{ accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'session' },
    expiration: new Date(Date.now() + minutes * 60_000),
  });

  test('leads to its key alone, and needs no header', async () => {
    const client = new S3Client({ region: 'eu-west-1', credentials: identity(60) });
    const link = new URL(await new S3Links('results', client).download('inbox/a:b/bundle.tar.gz', 900));
    expect(link.pathname).toBe('/inbox/a%3Ab/bundle.tar.gz');
    expect(link.searchParams.get('X-Amz-SignedHeaders')).toBe('host');
    expect(link.searchParams.get('X-Amz-Expires')).toBe('900');
    expect(link.searchParams.get('x-id')).toBe('GetObject');
    // As the document on the nodes takes it (drift/nodes/document.ts).
    expect(link.href).toMatch(/^https:\/\/[A-Za-z0-9._~:/?&=%+-]+$/);
  });

  test('tells when the credentials end that sign it, and asks for new ones', async () => {
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return identity(asked * 60);
    };
    const links = new S3Links('results', new S3Client({ region: 'eu-west-1', credentials }));
    const inMinutes = async (renew: boolean) => Math.round((Number(await links.endsAt(renew)) - Date.now()) / 60_000);
    expect([await inMinutes(false), await inMinutes(false), asked]).toEqual([60, 60, 1]);
    expect([await inMinutes(true), asked]).toEqual([120, 2]);
    const { expiration: _, ...lasting } = identity(1);
    const forEver = new S3Links('results', new S3Client({ region: 'eu-west-1', credentials: lasting }));
    expect(await forEver.endsAt(true)).toBeNull();
  });
});

describe('an upload to a signed address', () => {
  let server: Server;
  let address: string;
  let answers: number[];
  const taken: { readonly body: string; readonly headers: unknown }[] = [];

  beforeEach(async () => {
    taken.length = 0;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        taken.push({ body, headers: request.headers });
        const status = answers.shift();
        if (status === undefined) response.destroy();
        else response.writeHead(status).end('<Error/>');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/key?X-Amz-Signature=5161`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  const options = { pauseMs: 1 };

  test('writes once, on the condition that nothing is there', async () => {
    answers = [200];
    expect(await uploadOnce(address, '{"a":1}', options)).toBe(true);
    expect(taken).toMatchObject([{ body: '{"a":1}', headers: { 'if-none-match': '*', 'content-length': '7' } }]);
  });

  test('that finds something there is content with it', async () => {
    answers = [412];
    expect(await uploadOnce(address, '{}', options)).toBe(false);
    expect(taken).toHaveLength(1);
  });

  test.each([500, 503, 429, 409])('is tried again after %i', async (status) => {
    answers = [status, 412];
    expect(await uploadOnce(address, '{}', options)).toBe(false);
    expect(taken).toHaveLength(2);
  });

  test.each<[string, number[], number, RegExp]>([
    ['is refused', [403], 1, /answered 403: its time is over, or who signed it may not write there$/],
    ['is sent elsewhere', [307], 3, /answered not at all/],
    ['meets a bad hour', [500, 500, 500], 3, /answered 500$/],
    ['is never answered', [], 3, /answered not at all \((ECONNRESET|UND_ERR_SOCKET)\)$/],
  ])('that %s fails, and tells nothing of the address', async (_, given, attempts, message) => {
    answers = [...given];
    const failed = uploadOnce(address, '{}', options);
    await expect(failed).rejects.toThrow(UploadFailed);
    await expect(failed).rejects.toThrow(message);
    const error: unknown = await failed.catch((caught: unknown) => caught);
    expect(error instanceof Error && error.cause).toBeUndefined();
    expect(String(error)).not.toContain('5161');
    expect(taken.length).toBeLessThanOrEqual(attempts);
    expect(taken.length).toBeGreaterThan(0);
  });

  test('that hangs ends', async () => {
    const never: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    const failed = uploadOnce(address, '{}', { ...options, timeLimitMs: 10, fetch: never });
    await expect(failed).rejects.toThrow(/answered not in time$/);
  });
});
