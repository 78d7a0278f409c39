import { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { S3Store } from '#services/aws/s3-store.ts';

/** `node plain-reads.ts ADDRESS NODES`: reads every stream and does nothing with it. Prints the seconds that takes. */
const [address = '', nodes = '0'] = process.argv.slice(2);
const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
const client = new S3Client({ endpoint: address, region: 'eu-west-1', credentials, forcePathStyle: true });
const store = new S3Store('bench', client);
const limit = pLimit(32);
async function main(): Promise<void> {
  const begin = performance.now();
  let bytes = 0;
  const reads = Array.from({ length: Number(nodes) }, (_, at) =>
    limit(async () => {
      const object = await store.read(`inbox/i-${String(at).padStart(17, '0')}.jsonl`, 1_000_000);
      bytes += object?.text.length ?? 0;
    }),
  );
  await Promise.all(reads);
  console.log(JSON.stringify({ seconds: (performance.now() - begin) / 1000, megabytes: bytes / 1e6 }));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
