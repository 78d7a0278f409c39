import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import type { RoleCredentials } from '../aws/identity.ts';
import type { Proof } from './connection.ts';
import { ClusterError } from './error.ts';

const PREFIX = 'k8s-aws-v1.';
const CLUSTER_HEADER = 'x-k8s-aws-id';
/** What AWS' own tools sign for; the cluster takes a token for 15 minutes all the same. */
const SIGNED_SECONDS = 60;
const FRESH_MS = 10 * 60_000;

/** As the AWS command line writes them, so that the token is the same to the letter. */
const ORDER: readonly string[] = [
  ...['Action', 'Version', 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires'],
  ...['X-Amz-SignedHeaders', 'X-Amz-Security-Token', 'X-Amz-Signature'],
];

export interface TokenRequest {
  /** Name of the EKS cluster. */
  readonly cluster: string;
  readonly region: string;
  /** Null: the process's own chain. */
  readonly credentials: RoleCredentials | null;
}

/** `aws eks get-token`: a signed request to STS, which the cluster sends in our place to learn who we are. */
export async function eksToken({ cluster, region, credentials }: TokenRequest, date: Date): Promise<string> {
  const client = new STSClient({ region, ...(credentials === null ? {} : { credentials }) });
  const { protocol, hostname, port, path } = await addressOf(client);
  const signer = new SignatureV4({
    service: 'sts',
    region,
    credentials: client.config.credentials,
    sha256: client.config.sha256,
  });
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  const { query } = await signer.presign(
    {
      ...{ method: 'GET', protocol, hostname, path, ...(port === undefined ? {} : { port }) },
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host, [CLUSTER_HEADER]: cluster },
    },
    { expiresIn: SIGNED_SECONDS, signingDate: date },
  );
  const parameters = ORDER.flatMap((name) => {
    const value = query?.[name];
    return value === undefined || value === null ? [] : [`${name}=${encodeURIComponent(String(value))}`];
  });
  const url = `${protocol}//${host}${path}?${parameters.join('&')}`;
  return PREFIX + Buffer.from(url).toString('base64url');
}

interface Address {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
}

/** Where the SDK would send a request, with every setting that may say so, such as `AWS_ENDPOINT_URL_STS`. */
async function addressOf(client: STSClient): Promise<Address> {
  let address: Address | null = null;
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        address = request as Address;
        return { response: {}, output: { $metadata: {} } };
      },
    { step: 'finalizeRequest', priority: 'high', name: 'whereToOnly' },
  );
  await client.send(new GetCallerIdentityCommand({}));
  if (address === null) throw new Error('the SDK has built no request');
  return address;
}

/** A token that is made anew before it expires. */
export function eksProof(request: TokenRequest, now: () => Date = () => new Date()): Proof {
  let current: { readonly token: Promise<string>; readonly madeAt: number } | null = null;
  const made: string[] = [];
  const make = async (date: Date): Promise<string> => {
    try {
      const token = await eksToken(request, date);
      made.push(token);
      return token;
    } catch (error) {
      current = null;
      // The message of an error in signing may hold what was signed.
      const name = error instanceof Error ? error.name : 'unknown error';
      throw new ClusterError(
        `no token for the EKS cluster ${request.cluster} could be made (${name}): are there AWS credentials?`,
      );
    }
  };
  return {
    async headers() {
      const date = now();
      if (current === null || date.getTime() - current.madeAt >= FRESH_MS) {
        current = { token: make(date), madeAt: date.getTime() };
      }
      return { Authorization: `Bearer ${await current.token}` };
    },
    renew() {
      current = null;
    },
    secrets() {
      const { credentials } = request;
      return [...made, ...(credentials === null ? [] : [credentials.secretAccessKey, credentials.sessionToken])];
    },
  };
}
