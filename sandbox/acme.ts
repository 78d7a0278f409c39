import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  AuthorizeSecurityGroupIngressCommand,
  DescribeSecurityGroupsCommand,
  EC2Client,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { parseDocument } from 'yaml';
import { AcmeCluster } from './acme-clusters.ts';
import { AcmeNodes } from './acme-nodes.ts';
import type { Repository } from './git-host.ts';
import { ownerOf } from './outside.ts';
import { run } from './run.ts';
import type { Sandbox } from './start.ts';
import { pythonTools } from './venv.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../examples/acme');
const STATE_BUCKET = 'acme-terraform-state';
const TOKEN = 'acme-git-token-4711';
const HOOK_SECRET = 'acme-webhook-secret-4711';
const STATUS_TOKEN = 'acme-status-token-4711';
const REPOSITORY = 'acme/infra';
const KUBECONFIG = 'acme/kubeconfig';
const ENVIRONMENTS = ['staging', 'prod'] as const;
const ROOTS = ['network', 'storage'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];
export type Root = (typeof ROOTS)[number];

export interface SettleOptions {
  readonly say: (line: string) => void;
  /** When everything is checked; @default as the company has it */
  readonly schedule?: string;
  /** Targets that keep the company's own schedule: after the first time a push or a person has them checked. */
  readonly asked?: readonly string[];
  /** Where the company is; @default everywhere */
  readonly environments?: readonly Environment[];
}

/** With what is there when nothing else is said. */
interface Settled {
  readonly schedule: string | undefined;
  readonly asked: readonly string[];
  readonly environments: readonly Environment[];
}

const SSH_FOR_ALL: IpPermission = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] };

/** The example company in the sandbox: its repository on the git host, its infrastructure in the account. */
export class Acme {
  /** Its `plumbline.yaml`, with the sandbox's addresses in it. */
  readonly config: string;
  readonly repository: Repository;
  readonly #sandbox: Sandbox;
  readonly clusters: Readonly<Record<Environment, AcmeCluster>>;
  readonly nodes: Readonly<Record<Environment, AcmeNodes>>;
  readonly #ec2: EC2Client;

  private constructor(sandbox: Sandbox, repository: Repository, config: string, python: string) {
    this.#sandbox = sandbox;
    this.repository = repository;
    this.config = config;
    const cluster = (environment: Environment): AcmeCluster =>
      new AcmeCluster(sandbox.clusters[environment], environment, repository.workingCopy, python);
    this.clusters = { staging: cluster('staging'), prod: cluster('prod') };
    const nodes = (environment: Environment): AcmeNodes =>
      new AcmeNodes(sandbox, environment, repository.workingCopy, () => this.#podCidr(environment));
    this.nodes = { staging: nodes('staging'), prod: nodes('prod') };
    this.#ec2 = new EC2Client(ownerOf(sandbox));
  }

  /** Puts the company into the account, applied as on any day. */
  static async settle(sandbox: Sandbox, options: SettleOptions): Promise<Acme> {
    const { say, schedule, asked = [], environments = ENVIRONMENTS } = options;
    await new S3Client(ownerOf(sandbox)).send(new CreateBucketCommand({ Bucket: STATE_BUCKET }));
    const secrets = new SecretsManagerClient(ownerOf(sandbox));
    const values = { token: TOKEN, webhook: HOOK_SECRET, statuses: STATUS_TOKEN };
    for (const [name, SecretString] of Object.entries(values)) {
      await secrets.send(new CreateSecretCommand({ Name: `plumbline/github-${name}`, SecretString }));
    }
    await AcmeNodes.keepSecrets(sandbox);
    const { prod } = sandbox.clusters;
    if (prod.isReal) {
      const SecretString = readFileSync(prod.kubeconfig, 'utf8');
      await secrets.send(new CreateSecretCommand({ Name: KUBECONFIG, SecretString }));
    }
    const repository = await sandbox.createRepo(REPOSITORY, { from: EXAMPLE, token: TOKEN });
    sandbox.git.allowStatuses(REPOSITORY, STATUS_TOKEN);
    const config = path.join(sandbox.dir, 'plumbline.yaml');
    writeFileSync(config, configFor(sandbox, repository, { schedule, asked, environments }));
    const acme = new Acme(sandbox, repository, config, path.join(await pythonTools(), 'python'));
    for (const environment of environments) {
      await Promise.all([...ROOTS.map((root) => acme.apply(environment, root)), acme.clusters[environment].settle()]);
      say(`${environment} is applied: ${ROOTS.join(', ')}, and the cluster`);
    }
    await Promise.all(environments.map((environment) => acme.nodes[environment].settle()));
    say('the nodes run, as Ansible made them');
    return acme;
  }

  /** `terraform apply`, by the team, with the owner's rights and from the working copy. */
  async apply(environment: Environment, root: Root): Promise<void> {
    const backend = Object.entries({
      bucket: STATE_BUCKET,
      key: `${environment}/${root}.tfstate`,
      region: this.#sandbox.region,
    });
    const terraform = (...args: string[]) => this.#terraform(environment, root, args);
    await terraform(
      'init',
      '-input=false',
      '-no-color',
      '-lockfile=readonly',
      ...backend.map(([key, value]) => `-backend-config=${key}=${value}`),
    );
    await terraform('apply', '-input=false', '-no-color', '-auto-approve', `-var-file=env/${environment}.tfvars`);
  }

  /** What the network layer hands to the nodes. */
  async #podCidr(environment: Environment): Promise<string> {
    return JSON.parse(await this.#terraform(environment, 'network', ['output', '-json', 'pod_cidr'])) as string;
  }

  #terraform(environment: Environment, root: Root, args: readonly string[]): Promise<string> {
    const cwd = path.join(this.repository.workingCopy, 'terraform', root);
    const env = { ...this.#sandbox.env, TF_DATA_DIR: path.join(this.#sandbox.dir, `terraform-${environment}-${root}`) };
    return run('terraform', args, { cwd, env, seconds: 180 });
  }

  /** Changes files of the repository, commits and pushes. @returns the commit */
  push(files: Readonly<Record<string, (text: string) => string>>, message: string): Promise<string> {
    for (const [name, change] of Object.entries(files)) {
      const file = path.join(this.repository.workingCopy, name);
      writeFileSync(file, change(readFileSync(file, 'utf8')));
    }
    return this.#sandbox.git.push(this.repository, message);
  }

  /** Sets up the repository's webhook, once its address is known. */
  hook(url: string): void {
    this.#sandbox.git.hook(this.repository, { url, secret: HOOK_SECRET });
  }

  /** Opens SSH on the minions to the world, as a person in the console would. */
  async openSsh(environment: Environment): Promise<void> {
    const GroupId = await this.#minions(environment);
    await this.#ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [SSH_FOR_ALL] }));
  }

  /** Closes it again. */
  async closeSsh(environment: Environment): Promise<void> {
    const GroupId = await this.#minions(environment);
    await this.#ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [SSH_FOR_ALL] }));
  }

  async #minions(environment: Environment): Promise<string> {
    const Filters = [{ Name: 'group-name', Values: [`${environment}-minions`] }];
    const found = await this.#ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
    const id = found.SecurityGroups?.[0]?.GroupId;
    if (id === undefined) throw new Error(`there is no security group ${environment}-minions`);
    return id;
  }
}

/** The example's own config, with what belongs to this account and this git host put in. */
function configFor(sandbox: Sandbox, repository: Repository, { schedule, asked, environments }: Settled): string {
  const document = parseDocument(readFileSync(path.join(EXAMPLE, 'plumbline.yaml'), 'utf8'));
  document.setIn(['sources', 'infra', 'url'], repository.url);
  const targets = Object.keys(document.toJS().targets);
  for (const environment of ENVIRONMENTS) {
    if (!environments.includes(environment)) {
      document.deleteIn(['environments', environment]);
      for (const target of targets) document.setIn(['targets', target, 'in'], environments);
      continue;
    }
    document.setIn(['environments', environment, 'account'], sandbox.account);
    document.setIn(['environments', environment, 'region'], sandbox.region);
    // Nobody but its own EKS would know the account's roles.
    if (sandbox.clusters[environment].isReal) {
      document.setIn(['environments', environment, 'cluster'], { kubeconfig: { secret: KUBECONFIG } });
    }
  }
  // A demo looks every minute and is watched: there a second look before a page would be waiting only.
  if (schedule !== undefined) {
    for (const target of targets) {
      if (!asked.includes(target)) document.setIn(['targets', target, 'schedule'], schedule);
      document.setIn(['targets', target, 'confirm'], '0s');
    }
  }
  return document.toString();
}
