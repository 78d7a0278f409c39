import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { same, UNKNOWN, type Value, type Values } from './values.ts';

export interface Clients {
  readonly ec2: EC2Client;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly s3: S3Client;
  readonly sqs: SQSClient;
}

/** Terraform's type, in its JSON form: `"string"`, `["map","string"]`, `["set",["object",{…}]]`. */
export type TypeJson = string | readonly (string | TypeJson | Readonly<Record<string, TypeJson>>)[];

export interface Attribute {
  readonly type: TypeJson;
  readonly mode: 'required' | 'optional' | 'computed';
  /** A change makes a new object of it, as in AWS. */
  readonly replace?: boolean;
}

/** One kind of object of the account. `id` is the account's own. */
export interface ResourceType {
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** What is there now; null when it is gone. */
  read(id: string, clients: Clients): Promise<Values | null>;
  /** @returns its id */
  create(values: Values, clients: Clients): Promise<string>;
  update(id: string, before: Values, after: Values, clients: Clients): Promise<void>;
  delete(id: string, clients: Clients): Promise<void>;
}

/** All attributes, with the computed `id` that every resource has. */
export function attributesOf(type: ResourceType): Readonly<Record<string, Attribute>> {
  return { id: { type: 'string', mode: 'computed' }, ...type.attributes };
}

/** What the object would be after an apply, and which attributes make a new one. */
export function plan(
  type: ResourceType,
  prior: Values | null,
  proposed: Values,
): { planned: Values; replace: readonly string[] } {
  const attributes = Object.entries(attributesOf(type));
  const replace =
    prior === null
      ? []
      : attributes.flatMap(([name, attribute]) =>
          attribute.replace === true && !same(prior[name] ?? null, proposed[name] ?? null) ? [name] : [],
        );
  const fresh = prior === null || replace.length > 0;
  const planned = Object.fromEntries(
    attributes.map(([name, { mode }]): [string, Value] => [
      name,
      mode === 'computed' ? (fresh ? UNKNOWN : (prior[name] ?? null)) : (proposed[name] ?? null),
    ]),
  );
  return { planned, replace };
}

/** What was read, in the shape of the schema; what may be left out, was never declared and is empty is null. */
export function shape(type: ResourceType, id: string, found: Values, known: Values | null): Values {
  return Object.fromEntries(
    Object.entries(attributesOf(type)).map(([name, { mode }]): [string, Value] => {
      if (name === 'id') return [name, id];
      const value = found[name] ?? null;
      const unset = mode === 'optional' && (known?.[name] ?? null) === null && isEmpty(value);
      return [name, unset ? null : value];
    }),
  );
}

function isEmpty(value: Value): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}
