import { rmSync } from 'node:fs';
import path from 'node:path';
import { IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { wrapper } from './image.ts';
import { ownerOf } from './outside.ts';
import type { Sandbox } from './start.ts';

/** Parts that can be broken on purpose, to see that it is noticed. */
export const BREAKS = ['terraform', 'upload', 'cluster'] as const;
export type Break = (typeof BREAKS)[number];

/** In every later build terraform does nothing and says that all went well. */
export function stopTerraform(sandbox: Sandbox): void {
  const file = path.join(sandbox.image, 'bin/terraform');
  rmSync(file);
  wrapper(file, 'exit 0');
}

/** No build may write any report. */
export async function cutUpload(sandbox: Sandbox): Promise<void> {
  const iam = new IAMClient(ownerOf(sandbox));
  for (const role of await sandbox.rolesOf('BuildRole')) await deny(iam, role, ['s3:PutObject'], ['*']);
}

/** Every list of the clusters is empty, and says that all went well. */
export function emptyLists(sandbox: Sandbox): void {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '1' }, items: [] });
  const answer = { code: 200, headers: { 'Content-Type': 'application/json' }, body };
  for (const cluster of Object.values(sandbox.clusters)) {
    cluster.fail({ match: /^GET \S+[?&]limit=/, times: Number.POSITIVE_INFINITY, answer });
  }
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
  await iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName: 'broken-on-purpose', PolicyDocument }));
}
