import path from 'node:path';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Node } from './nodes.ts';
import { ownerOf } from './outside.ts';
import { run, SandboxError } from './run.ts';
import type { Sandbox } from './start.ts';

const REGISTRY = { secret: 'acme/registry-password', value: 'registry-password-of-the-example' };
const VAULT = { parameter: '/acme/ansible-vault-password', value: 'vault-password-of-the-example' };
const KUBELET = '/etc/systemd/system/kubelet.service.d/10-acme.conf';
/** The nodes share this machine's kernel: there is no volume group to be activated. */
const NO_LVM = '#!/bin/sh\nexit 0\n';
const PLAYBOOK = `
set -eu
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
base64 -d | tar -xz
printf %s "$VAULT_PASSWORD" > .vault-password
export ANSIBLE_HOME="$folder/.ansible" ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_PYTHON_INTERPRETER=auto_silent
ansible-playbook --connection local --inventory "inventory/$ENVIRONMENT.ini" --limit "$(hostname)" \\
  --vault-password-file .vault-password --extra-vars "$VARIABLES" $TAGS site.yml
`;

/** What acme has on the machines of one environment: put there by the team, with Ansible on each of them. */
export class AcmeNodes {
  readonly #sandbox: Sandbox;
  readonly #environment: string;
  readonly #ansible: string;
  readonly #podCidr: () => Promise<string>;
  #all: readonly Node[] = [];

  /** @param repository a working copy */
  constructor(sandbox: Sandbox, environment: string, repository: string, podCidr: () => Promise<string>) {
    this.#sandbox = sandbox;
    this.#environment = environment;
    this.#ansible = path.join(repository, 'ansible');
    this.#podCidr = podCidr;
  }

  /** What the playbook needs to know and git does not, where plumbline.yaml says that it lies. */
  static async keepSecrets(sandbox: Sandbox): Promise<void> {
    const secret = new CreateSecretCommand({ Name: REGISTRY.secret, SecretString: REGISTRY.value });
    await new SecretsManagerClient(ownerOf(sandbox)).send(secret);
    const parameter = new PutParameterCommand({ Name: VAULT.parameter, Type: 'SecureString', Value: VAULT.value });
    await new SSMClient(ownerOf(sandbox)).send(parameter);
  }

  /** Starts the machines that terraform has made, and puts on them what they need. */
  async settle(): Promise<void> {
    const Filters = [
      { Name: 'tag:Environment', Values: [this.#environment] },
      { Name: 'tag:Role', Values: ['master', 'minion'] },
    ];
    const found = await new EC2Client(ownerOf(this.#sandbox)).send(new DescribeInstancesCommand({ Filters }));
    const instances = (found.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    this.#all = await Promise.all(
      instances.map(({ InstanceId = '', Tags = [] }) => {
        const name = Tags.find(({ Key }) => Key === 'Name')?.Value ?? InstanceId;
        return this.#sandbox.nodes.create({ name, instance: InstanceId });
      }),
    );
    await Promise.all(this.#all.map((node) => node.write('/usr/local/sbin/vgchange', NO_LVM, '0755')));
    await this.apply();
  }

  /**
   * `ansible-playbook`, by the team, from the working copy.
   * @param on names of nodes; @default all
   * @param tags what of it; @default everything
   */
  async apply(on?: readonly string[], tags?: readonly string[]): Promise<void> {
    const input = await run('bash', ['-c', 'tar -cz -C "$1" . | base64', 'bash', this.#ansible]);
    const variables = {
      VAULT_PASSWORD: VAULT.value,
      ENVIRONMENT: this.#environment,
      VARIABLES: JSON.stringify({ pod_cidr: await this.#podCidr(), registry_password: REGISTRY.value }),
      TAGS: tags === undefined ? '' : `--tags ${tags.join(',')}`,
    };
    const set = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
    const nodes = on === undefined ? this.#all : on.map((name) => this.node(name));
    await Promise.all(nodes.map((node) => node.shell(`${set.join('\n')}\n${PLAYBOOK}`, { input })));
  }

  /** @throws SandboxError when there is no node of that name */
  node(name: string): Node {
    const node = this.#all.find((one) => one.name === name);
    if (node === undefined) throw new SandboxError(`${this.#environment} has no node ${name}`);
    return node;
  }

  /** By hand, in a hurry, on one of them: more pods for a kubelet. */
  async raiseMaxPods(name: string): Promise<void> {
    await this.node(name).shell(`sed -i 's/--max-pods=[0-9]*/--max-pods=250/' ${KUBELET}`);
  }
}
