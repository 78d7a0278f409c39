import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Cluster } from '#sandbox/kubernetes/cluster.ts';
import type { Certificates } from '#sandbox/tls.ts';

export const ACCOUNT = '222222222222';
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/acme-kubernetes`;

/** The few answers of STS, EKS, Secrets Manager, EC2 and SSM that `doctor` asks for. */
export class FakeAws {
  caller = '';
  entry: { readonly username?: string; readonly kubernetesGroups: readonly string[] } | null = null;
  policies: readonly string[] = [];
  /** What access entries are answered with. */
  refused: string | null = null;
  /** The only secret. */
  secret = '';
  /** What SSM answers, by operation, and EC2 under its name. */
  nodes: Readonly<Record<string, object | string>> = {};
  #cluster: Cluster | null = null;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start({ cert, key }: Certificates): Promise<FakeAws> {
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    const fake = new FakeAws(server);
    server.on('request', (request, response) => {
      const isEc2 = /\/ec2\/aws4_request/.test(String(request.headers.authorization));
      const operation = isEc2 ? 'ec2' : String(request.headers['x-amz-target'] ?? '');
      const [status, body] = fake.#answer(request.url ?? '/', operation);
      const kind = typeof body === 'string' ? 'text/xml' : 'application/json';
      const error =
        status >= 400 && typeof body === 'object' ? { 'x-amzn-errortype': String(Object.values(body)[0]) } : {};
      response.writeHead(status, { 'Content-Type': kind, ...error });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  reset(cluster: Cluster | null): void {
    this.#cluster = cluster;
    this.caller = `arn:aws:sts::${ACCOUNT}:assumed-role/admin/alice`;
    this.entry = { kubernetesGroups: ['plumbline'] };
    this.policies = [];
    this.refused = null;
    this.nodes = {};
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(url: string, operation: string): readonly [number, object | string] {
    const about = this.nodes[operation];
    if (about !== undefined) return [200, about];
    if (operation.startsWith('AmazonSSM.')) return [400, { __type: 'InvalidDocument' }];
    const cluster = this.#cluster;
    if (operation === 'secretsmanager.GetSecretValue') return [200, { SecretString: this.secret }];
    const { pathname } = new URL(url, this.url);
    const entry = `/clusters/prod/access-entries/${encodeURIComponent(ROLE)}`;
    if (pathname === '/clusters/prod') {
      if (cluster === null) throw new Error('there is no cluster');
      const data = readFileSync(cluster.caFile).toString('base64');
      const place = { endpoint: cluster.server, certificateAuthority: { data } };
      return [200, { cluster: { name: 'prod', status: 'ACTIVE', ...place } }];
    }
    if (pathname.startsWith('/clusters/')) {
      if (this.refused !== null) return [403, { code: this.refused }];
      if (this.entry === null) return [404, { code: 'ResourceNotFoundException' }];
      if (pathname === entry) return [200, { accessEntry: this.entry }];
      const policyArns = this.policies.map((name) => ({ policyArn: `arn:aws:eks::aws:cluster-access-policy/${name}` }));
      if (pathname === `${entry}/access-policies`) return [200, { associatedAccessPolicies: policyArns }];
      return [404, { code: 'NoSuchPath' }];
    }
    const account = this.caller.split(':')[4];
    const result = `<Arn>${this.caller}</Arn><UserId>AROAEXAMPLE:it</UserId><Account>${account}</Account>`;
    const inner = `<GetCallerIdentityResult>${result}</GetCallerIdentityResult>`;
    return [
      200,
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${inner}</GetCallerIdentityResponse>`,
    ];
  }
}
