import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ResourceGroupsClient } from '@aws-sdk/client-resource-groups';
import { SSMClient } from '@aws-sdk/client-ssm';
import { DOCUMENT_FOLDER, nodeDocument } from '#drift/nodes/document.ts';
import type { NodeSelect } from '#drift/target.ts';
import { readDocument } from '#services/aws/documents.ts';
import { AwsNodes } from '#services/aws/nodes.ts';
import { within } from '#services/aws/within.ts';
import type { NodePorts } from './nodes.ts';

/** A person waits for the answer. */
const SOON = { maxAttempts: 3, ...within(20_000) } as const;

const DOCUMENT = resolve(import.meta.dirname, '../..', DOCUMENT_FOLDER);

/** AWS, as the person who asks. A module of its own: half of what it loads is for nodes alone. */
export const nodePorts: NodePorts = {
  document: readDocument,
  wanted: () => nodeDocument((name) => readFileSync(join(DOCUMENT, name), 'utf8')),
  find: async (select: NodeSelect, region: string) => {
    const place = { ...SOON, region };
    const clients = {
      ec2: new EC2Client(place),
      ssm: new SSMClient(place),
      groups: new ResourceGroupsClient(place),
    };
    try {
      return await new AwsNodes(clients).find(select);
    } finally {
      for (const client of Object.values(clients)) client.destroy();
    }
  },
};
