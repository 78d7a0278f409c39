import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { wrapper } from './image.ts';
import { ownerOf } from './outside.ts';
import type { Sandbox } from './start.ts';

const POLICY = 'broken-on-purpose';

/** A part that can be broken on purpose, to see that it is noticed. */
interface Breakable {
  /** When there is something to be broken: before Plumbline is deployed, or with it. */
  readonly once: 'there' | 'deployed';
  /** Breaks it. @returns what mends it */
  readonly act: (sandbox: Sandbox) => Promise<() => Promise<void>>;
}

export const BREAKS = {
  terraform: { once: 'there', act: stopTerraform },
  upload: { once: 'deployed', act: cutUpload },
  cluster: { once: 'there', act: emptyLists },
  nodes: { once: 'there', act: stopAnsible },
} satisfies Readonly<Record<string, Breakable>>;
export type Break = keyof typeof BREAKS;

/** In every later build terraform does nothing and says that all went well. */
async function stopTerraform(sandbox: Sandbox): Promise<() => Promise<void>> {
  const file = path.join(sandbox.image, 'bin/terraform');
  const script = readFileSync(file, 'utf8').replace(/^#!.*\n/, '');
  const put = (text: string): void => {
    rmSync(file);
    wrapper(file, text);
  };
  put('exit 0');
  return async () => put(script);
}

/** No build may write any report. */
async function cutUpload(sandbox: Sandbox): Promise<() => Promise<void>> {
  const iam = new IAMClient(ownerOf(sandbox));
  const roles = await sandbox.rolesOf('BuildRole');
  for (const role of roles) await deny(iam, role, ['s3:PutObject'], ['*']);
  return async () => {
    for (const RoleName of roles) await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: POLICY }));
  };
}

/** Every list of the clusters is empty, and says that all went well. */
async function emptyLists({ clusters }: Sandbox): Promise<() => Promise<void>> {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '1' }, items: [] });
  const answer = { code: 200, headers: { 'Content-Type': 'application/json' }, body };
  for (const cluster of Object.values(clusters)) {
    cluster.fail({ match: /^GET \S+[?&]limit=/, times: Number.POSITIVE_INFINITY, answer });
  }
  return async () => {
    for (const cluster of Object.values(clusters)) cluster.heal();
  };
}

/** On every node Ansible does nothing and says that all went well. */
async function stopAnsible({ nodes }: Sandbox): Promise<() => Promise<void>> {
  const file = '/usr/local/bin/ansible-playbook';
  const mute = `mv ${file} ${file}.kept && printf '#!/bin/sh\nexit 0\n' > ${file} && chmod 755 ${file}`;
  for (const node of nodes.all) await node.shell(mute);
  return async () => {
    for (const node of nodes.all) await node.shell(`mv ${file}.kept ${file}`);
  };
}

/** Takes rights from a role, whatever its policies allow. */
export async function deny(
  iam: IAMClient,
  role: string,
  actions: readonly string[],
  resources: readonly string[],
): Promise<void> {
  const Statement = [{ Effect: 'Deny', Action: actions, Resource: resources }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName: POLICY, PolicyDocument }));
}
