import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Uploads } from '../ports.ts';

/**
 * Addresses in a bucket, signed with the process's own rights: what it may not write, S3 refuses. They end with the
 * credentials that signed them, if that is earlier.
 */
export class S3Uploads implements Uploads {
  protected readonly bucket: string;
  protected readonly client: S3Client;

  /** A checksum would be one of the body, which is not known yet. */
  constructor(bucket: string, client: S3Client = new S3Client({ requestChecksumCalculation: 'WHEN_REQUIRED' })) {
    this.bucket = bucket;
    this.client = client;
  }

  async link(key: string, seconds: number): Promise<string> {
    const put = new PutObjectCommand({ Bucket: this.bucket, Key: key, IfNoneMatch: '*' });
    // A header that is signed has to be sent: nobody can write without the condition.
    return getSignedUrl(this.client, put, {
      expiresIn: seconds,
      signableHeaders: new Set(['host', 'if-none-match']),
    });
  }
}
