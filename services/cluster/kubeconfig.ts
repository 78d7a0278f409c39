import * as z from 'zod';
import { parseYaml, YamlError } from '#drift/kubernetes/manifests/yaml.ts';
import { type ClusterConnection, connectionTo, fixedToken } from './connection.ts';
import { ClusterError } from './error.ts';

/** A secret of AWS holds no more. */
const MAX_LENGTH = 64 * 1024;
const MAX_NAMED = 10;

const named = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.array(z.object({ name: z.string(), ...shape })).nullish();

const fields = z.record(z.string(), z.unknown());
const schema = z.object({
  'current-context': z.string().nullish(),
  contexts: named({ context: z.object({ cluster: z.string(), user: z.string() }) }),
  clusters: named({ cluster: fields }),
  users: named({ user: fields.nullish() }),
});

/** What is not taken from a secret, and what to write instead: nothing there may run, or read, anything on our side. */
const REFUSED: Readonly<Record<'cluster' | 'user', readonly (readonly [key: string, instead: string])[]>> = {
  cluster: [
    ['insecure-skip-tls-verify', 'write certificate-authority-data, the base64 of the authority’s PEM'],
    ['certificate-authority', 'files are not read: write certificate-authority-data, the base64 of its content'],
    ['proxy-url', 'proxies are not used: take it out'],
  ],
  user: [
    ['exec', 'commands are not run: write the token of a service account, or cluster: { eks: name } for EKS'],
    ['auth-provider', 'providers are not run: write the token of a service account'],
    ['tokenFile', 'files are not read: write token'],
    ['client-certificate', 'files are not read: write client-certificate-data, the base64 of its content'],
    ['client-key', 'files are not read: write client-key-data, the base64 of its content'],
    ['username', 'passwords are not used: write token, or client-certificate-data and client-key-data'],
    ['password', 'passwords are not used: write token, or client-certificate-data and client-key-data'],
    ['as', 'nobody is impersonated: write the token of the user itself'],
    ['as-groups', 'nobody is impersonated: write the token of the user itself'],
    ['as-uid', 'nobody is impersonated: write the token of the user itself'],
    ['as-user-extra', 'nobody is impersonated: write the token of the user itself'],
  ],
};

/**
 * A kubeconfig that came from a secret.
 * @param context its name; undefined: the current one
 * @throws ClusterError with what to write instead
 */
export function connectKubeconfig(text: string, context: string | undefined): ClusterConnection {
  const { cluster, user, clusterName, userName } = selected(text, context);
  const inCluster = `the kubeconfig's cluster ${clusterName}`;
  const inUser = `the kubeconfig's user ${userName}`;
  refuse(cluster, REFUSED.cluster, inCluster);
  refuse(user, REFUSED.user, inUser);
  const [token, cert, key] = [
    textAt(user, 'token', inUser),
    pemAt(user, 'client-certificate-data', inUser),
    pemAt(user, 'client-key-data', inUser),
  ];
  if ((cert === undefined) !== (key === undefined)) {
    throw new ClusterError(`${inUser}: client-certificate-data and client-key-data are needed together`);
  }
  if (token === undefined && cert === undefined) {
    throw new ClusterError(
      `${inUser} has nothing to show: write token, or client-certificate-data and client-key-data`,
    );
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new ClusterError(`${inUser}: token must be one word: copy it again, without line breaks`);
  }
  return connectionTo({
    server: textAt(cluster, 'server', inCluster) ?? '',
    ca: pemAt(cluster, 'certificate-authority-data', inCluster),
    client: cert === undefined || key === undefined ? undefined : { cert, key },
    serverName: textAt(cluster, 'tls-server-name', inCluster),
    proof: fixedToken(token ?? null),
    origin: inCluster,
  });
}

type Fields = Readonly<Record<string, unknown>>;

function selected(text: string, wanted: string | undefined) {
  const config = parse(text);
  const name = wanted ?? config['current-context'] ?? '';
  const contexts = config.contexts ?? [];
  const found = contexts.find((one) => one.name === name);
  if (found === undefined) {
    const known = contexts.slice(0, MAX_NAMED).map((one) => one.name);
    const choice = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw new ClusterError(
      name === ''
        ? `the kubeconfig names no current-context: write cluster.context in the environment; ${choice}`
        : `the kubeconfig has no context ${name}: mend cluster.context of the environment; ${choice}`,
    );
  }
  const { cluster: clusterName, user: userName } = found.context;
  const cluster = config.clusters?.find((one) => one.name === clusterName)?.cluster;
  const user = config.users?.find((one) => one.name === userName);
  if (cluster === undefined)
    throw new ClusterError(`the kubeconfig's context ${name} names a cluster that is not there`);
  if (user === undefined) throw new ClusterError(`the kubeconfig's context ${name} names a user that is not there`);
  return { cluster, user: user.user ?? {}, clusterName, userName };
}

function parse(text: string): z.infer<typeof schema> {
  if (text.length > MAX_LENGTH) {
    throw new ClusterError(
      `the kubeconfig is larger than ${MAX_LENGTH} characters: keep one cluster and one user in it`,
    );
  }
  try {
    const parsed = schema.safeParse(parseYaml(text));
    if (parsed.success) return parsed.data;
  } catch (error) {
    // Its message may quote the line, which may be the token.
    if (!(error instanceof YamlError)) throw error;
  }
  throw new ClusterError(
    'the secret holds no kubeconfig: store the output of "kubectl config view --minify --flatten --raw" in it',
  );
}

function refuse(fields: Fields, refused: (typeof REFUSED)['user'], where: string): void {
  for (const [key, instead] of refused) {
    const value = fields[key];
    if (value === undefined || value === null || value === false || value === '') continue;
    throw new ClusterError(`${where} has ${key}: ${instead}`);
  }
}

function textAt(fields: Fields, key: string, where: string): string | undefined {
  const value = fields[key] ?? undefined;
  if (value === undefined || typeof value === 'string') return value === '' ? undefined : value?.trim();
  throw new ClusterError(`${where}: ${key} must be a text: put it in quotes`);
}

function pemAt(fields: Fields, key: string, where: string): string | undefined {
  const data = textAt(fields, key, where);
  if (data === undefined) return undefined;
  const pem = Buffer.from(data, 'base64').toString('utf8');
  if (!pem.includes('-----BEGIN ')) throw new ClusterError(`${where}: ${key} must be the base64 of a PEM text`);
  return pem;
}
