import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type S3StatePlace, StateHidden, type StateView, type StateWatch } from '../ports.ts';
import { MAX_LOCK_BYTES, writerOf } from '../state/lock.ts';
import { hasStatus, isNamed } from './errors.ts';
import { within } from './within.ts';

/** A state in a bucket; its lock is the object `<key>.tflock`, an item in DynamoDB, or both. */
export class S3State implements StateWatch {
  readonly #place: S3StatePlace;
  readonly #client: S3Client;
  readonly #tables: DynamoDBClient;

  constructor(
    place: S3StatePlace,
    client: S3Client = new S3Client({ ...clientConfig(place, 'S3'), forcePathStyle: hasEndpoint(place) }),
    tables: DynamoDBClient = new DynamoDBClient(clientConfig({ ...place, endpoint: undefined }, 'DYNAMODB')),
  ) {
    this.#place = place;
    this.#client = client;
    this.#tables = tables;
  }

  async look(): Promise<StateView> {
    const { bucket, key } = this.#place;
    const lock = await this.#unlessMissing(`${key}.tflock`, async (Key) => {
      const Range = `bytes=0-${MAX_LOCK_BYTES - 1}`;
      const object = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key, Range }));
      return (await object.Body?.transformToString()) ?? '';
    });
    const version = await this.#unlessMissing(key, async (Key) => {
      const found = await this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
      return `${found.ETag} ${found.VersionId ?? ''} ${found.LastModified?.toISOString() ?? ''}`;
    });
    const held = lock ?? (await this.#heldInTable());
    return { writer: held === null ? null : writerOf(held), version };
  }

  /** What the lock in DynamoDB says; null when there is none. */
  async #heldInTable(): Promise<string | null> {
    const { bucket, key, lockTable } = this.#place;
    if (lockTable === undefined) return null;
    const get = new GetItemCommand({
      TableName: lockTable,
      Key: { LockID: { S: `${bucket}/${key}` } },
      ConsistentRead: true,
    });
    try {
      const { Item: item } = await this.#tables.send(get);
      return item === undefined ? null : (item['Info']?.S ?? '').slice(0, MAX_LOCK_BYTES);
    } catch (error) {
      const why = error instanceof Error ? error.name : 'unknown error';
      throw new StateHidden(
        `the table ${lockTable} cannot be looked at (${why}); list it under the environment's locks`,
        { cause: error },
      );
    }
  }

  async #unlessMissing(key: string, read: (key: string) => Promise<string>): Promise<string | null> {
    try {
      return await read(key);
    } catch (error) {
      if (isNamed(error, 'NoSuchKey', 'NotFound') || hasStatus(error, 404)) return null;
      const why = error instanceof Error ? error.name : 'unknown error';
      throw new StateHidden(`s3://${this.#place.bucket}/${key} cannot be looked at (${why})`, { cause: error });
    }
  }
}

/** Endpoints other than AWS's own have no host per bucket. */
const hasEndpoint = ({ endpoint, environment }: S3StatePlace): boolean =>
  (endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL']) !== undefined;

/** As the tool itself gets there: with its own credentials, not with ours. */
function clientConfig({ region, endpoint, environment }: S3StatePlace, service: 'S3' | 'DYNAMODB') {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_DEFAULT_REGION } = environment;
  const at = endpoint ?? environment[`AWS_ENDPOINT_URL_${service}`] ?? environment['AWS_ENDPOINT_URL'];
  const where = region ?? AWS_REGION ?? AWS_DEFAULT_REGION;
  const keys = AWS_ACCESS_KEY_ID !== undefined && AWS_SECRET_ACCESS_KEY !== undefined;
  return {
    ...within(20_000),
    ...(where === undefined ? {} : { region: where }),
    ...(at === undefined ? {} : { endpoint: at }),
    ...(keys
      ? {
          credentials: {
            accessKeyId: AWS_ACCESS_KEY_ID,
            secretAccessKey: AWS_SECRET_ACCESS_KEY,
            ...(AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN }),
          },
        }
      : {}),
  };
}
