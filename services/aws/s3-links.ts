import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Links } from '../ports.ts';
import { S3Uploads } from './s3-uploads.ts';

/** Addresses to write and to read, signed with the process's own rights. */
export class S3Links extends S3Uploads implements Links {
  async download(key: string, seconds: number): Promise<string> {
    return getSignedUrl(this.client, new GetObjectCommand({ Bucket: this.bucket, Key: key }), { expiresIn: seconds });
  }

  async endsAt(renew: boolean): Promise<Date | null> {
    const { expiration } = await this.client.config.credentials({ forceRefresh: renew });
    return expiration ?? null;
  }
}
