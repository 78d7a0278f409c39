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

/** What Ansible has put on a machine, as an image of it would have it. */
const PACK = `cd / && find etc home usr/local/sbin var/lib/docker var/lib/kubelet -newer /run/started -print0 |
  tar -cz --numeric-owner --null --no-recursion -T - | base64`;
const UNPACK = 'base64 -d | tar -xz -C /';

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

  /** Starts the machines that terraform has made: of each role one with Ansible, the others from the image of that. */
  async settle(): Promise<void> {
    const Filters = [
      { Name: 'tag:Environment', Values: [this.#environment] },
      { Name: 'tag:Role', Values: ['master', 'minion'] },
    ];
    const found = await new EC2Client(ownerOf(this.#sandbox)).send(new DescribeInstancesCommand({ Filters }));
    const instances = (found.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    const started = await Promise.all(
      instances.map(async ({ InstanceId = '', Tags = [] }) => {
        const tag = (key: string): string => Tags.find(({ Key }) => Key === key)?.Value ?? '';
        return { role: tag('Role'), node: await this.#start(tag('Name'), InstanceId) };
      }),
    );
    this.#all = started.map(({ node }) => node);
    const byRole = Map.groupBy(started, ({ role }) => role);
    await Promise.all([...byRole.values()].map((some) => this.#fill(some.map(({ node }) => node))));
  }

  async #start(name: string, instance: string): Promise<Node> {
    const node = await this.#sandbox.nodes.create({ name, instance });
    await node.shell('touch /run/started');
    await node.write('/usr/local/sbin/vgchange', NO_LVM, '0755');
    return node;
  }

  async #fill([first, ...others]: readonly Node[]): Promise<void> {
    if (first === undefined) return;
    await this.apply([first.name]);
    const input = others.length === 0 ? '' : await first.shell(PACK);
    await Promise.all(others.map((node) => node.shell(UNPACK, { input })));
  }

  /**
   * `ansible-playbook`, by the team, from the working copy.
   * @param on names of nodes
   * @param tags what of it; @default everything
   */
  async apply(on: readonly string[], tags?: readonly string[]): Promise<void> {
    const input = await run('bash', ['-c', 'tar -cz -C "$1" . | base64', 'bash', this.#ansible]);
    const variables = {
      VAULT_PASSWORD: VAULT.value,
      ENVIRONMENT: this.#environment,
      VARIABLES: JSON.stringify({ pod_cidr: await this.#podCidr(), registry_password: REGISTRY.value }),
      TAGS: tags === undefined ? '' : `--tags ${tags.join(',')}`,
    };
    const set = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
    const nodes = on.map((name) => this.node(name));
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
