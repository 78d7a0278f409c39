import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { keys } from '#drift/names.ts';
import { PARTS } from '#drift/nodes/document.ts';
import { newRunId } from '#drift/run.ts';
import { deployedDocument, readPart } from '#test/node-document.ts';

/** What SSM takes of a document. */
const MAX_BYTES = 64 * 1024;

const content = z
  .strictObject({
    schemaVersion: z.literal('2.2'),
    description: z.string(),
    parameters: z.record(
      z.string(),
      z.strictObject({ type: z.literal('String'), description: z.string(), allowedPattern: z.string() }),
    ),
    mainSteps: z.tuple([
      z.strictObject({
        action: z.literal('aws:runShellScript'),
        name: z.string(),
        precondition: z.strictObject({ StringEquals: z.tuple([z.literal('platformType'), z.literal('Linux')]) }),
        inputs: z.strictObject({
          timeoutSeconds: z.literal('{{ ExecutionSeconds }}'),
          runCommand: z.array(z.string()),
        }),
      }),
    ]),
  })
  .parse(deployedDocument());
const script = content.mainSteps[0].inputs.runCommand.join('\n');
const names = Object.keys(content.parameters);
const takes = (name: string, value: string): boolean =>
  new RegExp(content.parameters[name]?.allowedPattern ?? '(?!)').test(value);

describe('the document', () => {
  it('is small enough for SSM', () => {
    expect(Buffer.byteLength(JSON.stringify(content))).toBeLessThan(MAX_BYTES - 8 * 1024);
  });

  it('has no braces but those of its parameters, which SSM replaces', () => {
    expect(names).toEqual(['BundleUrl', 'BundleSha256', 'Key', 'RunId', 'ExecutionSeconds']);
    const found = [...script.matchAll(/\{\{(.*?)\}\}/gs)].map(([, name]) => String(name).trim());
    expect(found.toSorted()).toEqual(names.toSorted());
    expect(script.match(/\{\{/g)).toHaveLength(names.length);
  });

  it('has the whole program, between marks that are not in it', () => {
    for (const part of PARTS) expect(script).toContain(readPart(`${part}.py`).split('\n').at(-2));
    expect(script.match(/^PLUMBLINE_NODE$/gm)).toHaveLength(1);
    expect(script).not.toMatch(/^from (answer|core|node|playbook|processes|transfer|unpack) import/m);
    expect(script).not.toContain('@node.py@');
  });

  it('joins parts of which no two give another meaning to a name', () => {
    const defined = PARTS.flatMap((part) => [
      ...readPart(`${part}.py`).matchAll(/^(?:def |class )?(\w+)(?: = |\(|:)/gm),
    ]);
    const all = defined.map(([, name]) => name).filter((name) => name !== 'if' && name !== 'else');
    expect(all.length).toBeGreaterThan(60);
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  });
});

describe('what it is told', () => {
  it('may be what a run tells it', async () => {
    const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'x', sessionToken: 'IQoJb3+/=='.repeat(60) };
    const client = new S3Client({ region: 'eu-west-1', credentials });
    const Key = keys.bundle('AROAEXAMPLE', '01234567-89ab-cdef-0123-456789abcdef');
    const command = new GetObjectCommand({ Bucket: 'plumbline-results-222222222222-eu-west-1', Key });
    expect(takes('BundleUrl', await getSignedUrl(client, command))).toBe(true);
    expect(takes('BundleUrl', 'https://127.0.0.1:4566/bucket/key?X-Amz-Signature=0a')).toBe(true);
    expect(takes('RunId', newRunId(new Date(0), 'prod/nodes', 'schedule', 'seed'))).toBe(true);
    expect(takes('BundleSha256', 'ab'.repeat(32))).toBe(true);
    expect(takes('Key', Buffer.alloc(32, 251).toString('base64url'))).toBe(true);
    expect(takes('ExecutionSeconds', '3600')).toBe(true);
  });

  it.each(["'", '"', '`', '$(id)', '\n', '\r', ' ', ';', '|', '<', '>', '\\', '{{ ssm:x }}', '\u00e9', '\0'])(
    'never holds %j',
    (odd) => {
      const valid = { BundleUrl: 'https://a/b', BundleSha256: 'a'.repeat(64), Key: 'k'.repeat(40), RunId: 'r' };
      for (const [name, value] of Object.entries({ ...valid, ExecutionSeconds: '600' })) {
        expect(takes(name, value)).toBe(true);
        for (const hostile of [value + odd, odd + value, value.slice(0, 9) + odd + value.slice(9)]) {
          expect(takes(name, hostile)).toBe(false);
        }
      }
    },
  );

  it.each(['http://a/b', 'file:///etc/passwd', 'https://', ''])('is no bundle at %j', (url) => {
    expect(takes('BundleUrl', url)).toBe(false);
  });

  it.each(['0', '9', '060', '-60', '1e3', '1000000'])('is no time of %j', (seconds) => {
    expect(takes('ExecutionSeconds', seconds)).toBe(false);
  });
});
