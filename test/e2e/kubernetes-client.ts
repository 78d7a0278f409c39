import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { Cluster } from '#sandbox/kubernetes/cluster.ts';

export interface AskOptions {
  readonly token?: string;
  readonly accept?: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Client = (method: string, path: string, options?: AskOptions) => Promise<Answered>;

/** Plain requests to a cluster, so that nothing of a client library stands between. */
export function client(cluster: Cluster): Client {
  const ca = readFileSync(cluster.caFile);
  return (method, path, { token, accept = 'application/json', body, contentType, headers } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${cluster.server}${path}`,
        {
          method,
          ca,
          agent: false,
          headers: {
            accept,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(contentType === undefined ? {} : { 'content-type': contentType }),
            ...headers,
          },
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          answer.once('error', reject);
          answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
}
