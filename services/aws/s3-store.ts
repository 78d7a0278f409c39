import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { type ContentType, ObjectHidden, type ObjectStore, ObjectTooLarge } from '../ports.ts';
import { hasStatus, isNamed } from './errors.ts';

/** How often a conditional write is tried again when S3 itself says that another one was under way (409). */
const CONFLICT_RETRIES = 4;

/**
 * A bucket. Conditional writes are S3's own: `If-None-Match: *` and `If-Match` answer 412 to the slower writer, and 409
 * while another write of the same key is under way (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
 */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(bucket: string, client: S3Client = new S3Client({})) {
    this.#bucket = bucket;
    this.#client = client;
  }

  async read(key: string, maxBytes: number): Promise<{ readonly text: string; readonly etag: string } | null> {
    const object = await this.#client
      .send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }))
      .catch((error: unknown) => {
        if (isNamed(error, 'NoSuchKey')) return null;
        throw explain(error, 'read', this.#bucket, key);
      });
    if (object === null) return null;
    const { Body: body, ContentLength: size, ETag: etag } = object;
    if (body === undefined || size === undefined || etag === undefined) {
      throw new Error(`s3://${this.#bucket}/${key}: the answer has no body, size or ETag`);
    }
    if (size > maxBytes) {
      if ('destroy' in body) body.destroy();
      throw new ObjectTooLarge(`s3://${this.#bucket}/${key} has ${size} bytes; at most ${maxBytes} are read`);
    }
    return { text: await body.transformToString('utf-8'), etag };
  }

  async create(key: string, content: string | Uint8Array, contentType: ContentType): Promise<boolean> {
    return this.#writeIf({ Key: key, Body: content, ContentType: contentType, IfNoneMatch: '*' });
  }

  async replace(key: string, text: string, contentType: ContentType, etag: string | null): Promise<boolean> {
    if (etag === null) return this.create(key, text, contentType);
    return this.#writeIf({ Key: key, Body: text, ContentType: contentType, IfMatch: etag });
  }

  async put(key: string, text: string, contentType: ContentType): Promise<void> {
    const put = new PutObjectCommand({ Bucket: this.#bucket, Key: key, Body: text, ContentType: contentType });
    await this.#client.send(put).catch((error: unknown) => {
      throw explain(error, 'write', this.#bucket, key);
    });
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key })).catch((error: unknown) => {
      throw explain(error, 'delete', this.#bucket, key);
    });
  }

  async #writeIf(input: Omit<PutObjectCommandInput, 'Bucket'> & { readonly Key: string }): Promise<boolean> {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        await this.#client.send(new PutObjectCommand({ ...input, Bucket: this.#bucket }));
        return true;
      } catch (error) {
        if (hasStatus(error, 412)) return false;
        // The object that was to be replaced is gone: another writer was faster.
        if (input.IfMatch !== undefined && isNamed(error, 'NoSuchKey')) return false;
        if (!hasStatus(error, 409)) throw explain(error, 'write', this.#bucket, input.Key);
        if (conflicts >= CONFLICT_RETRIES) return false;
        await sleep(50 * 2 ** conflicts);
      }
    }
  }
}

/** S3 answers 403 for a missing key too, when the caller may not list the bucket: say which key it was about. */
function explain(error: unknown, act: string, bucket: string, key: string): unknown {
  if (!hasStatus(error, 403)) return error;
  return new ObjectHidden(`may not ${act} s3://${bucket}/${key}, or it is not there`, { cause: error });
}
