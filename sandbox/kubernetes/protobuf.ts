import { ensure, type Json, type JsonObject, listAt } from './json.ts';
import { Refused } from './status.ts';

/** What `kubectl create <kind>` sends: the kinds that it makes by itself, no others. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('k8s\0');

type FieldType = 'text' | 'bytes' | 'flag' | 'number' | Message | { readonly map: FieldType };
interface Message {
  readonly [number: number]: readonly [name: string, type: FieldType, isList?: true];
}

const META: Message = {
  1: ['name', 'text'],
  2: ['generateName', 'text'],
  3: ['namespace', 'text'],
  11: ['labels', { map: 'text' }],
  12: ['annotations', { map: 'text' }],
};
const RULE: Message = {
  1: ['verbs', 'text', true],
  2: ['apiGroups', 'text', true],
  3: ['resources', 'text', true],
  4: ['resourceNames', 'text', true],
  5: ['nonResourceURLs', 'text', true],
};
const SELECTOR: Message = { 1: ['matchLabels', { map: 'text' }] };
const ROLE: Message = {
  1: ['metadata', META],
  2: ['rules', RULE, true],
  3: ['aggregationRule', { 1: ['clusterRoleSelectors', SELECTOR, true] }],
};
const SUBJECT: Message = {
  1: ['kind', 'text'],
  2: ['apiGroup', 'text'],
  3: ['name', 'text'],
  4: ['namespace', 'text'],
};
const BINDING: Message = {
  1: ['metadata', META],
  2: ['subjects', SUBJECT, true],
  3: ['roleRef', { 1: ['apiGroup', 'text'], 2: ['kind', 'text'], 3: ['name', 'text'] }],
};
const CONTAINER: Message = {
  1: ['name', 'text'],
  2: ['image', 'text'],
  3: ['command', 'text', true],
  4: ['args', 'text', true],
  6: ['ports', { 1: ['name', 'text'], 3: ['containerPort', 'number'], 4: ['protocol', 'text'] }, true],
};
const DEPLOYMENT: Message = {
  1: ['replicas', 'number'],
  2: ['selector', SELECTOR],
  3: ['template', { 1: ['metadata', META], 2: ['spec', { 2: ['containers', CONTAINER, true] }] }],
};
const ACCESS: Message = {
  1: [
    'resourceAttributes',
    {
      1: ['namespace', 'text'],
      2: ['verb', 'text'],
      3: ['group', 'text'],
      4: ['version', 'text'],
      5: ['resource', 'text'],
      6: ['subresource', 'text'],
      7: ['name', 'text'],
    },
  ],
  2: ['nonResourceAttributes', { 1: ['path', 'text'], 2: ['verb', 'text'] }],
};
const QUANTITY: Message = { 1: ['amount', 'text'] };
const KINDS: Readonly<Record<string, Message>> = {
  Namespace: { 1: ['metadata', META] },
  ServiceAccount: { 1: ['metadata', META] },
  ConfigMap: {
    1: ['metadata', META],
    2: ['data', { map: 'text' }],
    3: ['binaryData', { map: 'bytes' }],
    4: ['immutable', 'flag'],
  },
  Secret: {
    1: ['metadata', META],
    2: ['data', { map: 'bytes' }],
    3: ['type', 'text'],
    4: ['stringData', { map: 'text' }],
    5: ['immutable', 'flag'],
  },
  ResourceQuota: { 1: ['metadata', META], 2: ['spec', { 1: ['hard', { map: QUANTITY }] }] },
  Deployment: { 1: ['metadata', META], 2: ['spec', DEPLOYMENT] },
  SelfSubjectAccessReview: { 2: ['spec', ACCESS] },
  SelfSubjectRulesReview: { 2: ['spec', { 1: ['namespace', 'text'] }] },
  SelfSubjectReview: {},
  Role: ROLE,
  ClusterRole: ROLE,
  RoleBinding: BINDING,
  ClusterRoleBinding: BINDING,
};

/** @throws Refused 415 for kinds whose fields are not known here */
export function fromProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw new Refused(400, 'BadRequest', 'provided data does not appear to be a protobuf message');
  const envelope = read(body.subarray(4), {
    1: ['typeMeta', { 1: ['apiVersion', 'text'], 2: ['kind', 'text'] }],
    2: ['raw', 'bytes'],
  });
  const { typeMeta, raw } = envelope;
  const head = typeMeta as JsonObject;
  const message = KINDS[String(head['kind'])];
  if (message === undefined) {
    const why = `the sandbox's cluster does not read ${String(head['kind'])} as protobuf: make it with --dry-run=client -o yaml, and apply that`;
    throw new Refused(415, 'UnsupportedMediaType', why, {});
  }
  const object = read(Buffer.from(String(raw), 'base64'), message);
  return { ...head, ...plain(object) };
}

function plain(object: JsonObject): JsonObject {
  const { spec } = object;
  const hard = (spec as JsonObject | undefined)?.['hard'] as JsonObject | undefined;
  if (hard === undefined) return object;
  const amounts = Object.entries(hard).map(([key, value]) => [key, (value as JsonObject)['amount'] ?? '0'] as const);
  return { ...object, spec: { hard: Object.fromEntries(amounts) } };
}

function read(bytes: Buffer, message: Message): JsonObject {
  const made: JsonObject = {};
  let at = 0;
  const varint = (): number => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
      shift += 7;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    const field = message[number];
    if (wire === 0) {
      const value = varint();
      if (field !== undefined) made[field[0]] = field[1] === 'flag' ? value === 1 : value;
      continue;
    }
    const size = wire === 2 ? varint() : wire === 1 ? 8 : 4;
    const part = bytes.subarray(at, at + size);
    at += size;
    if (field !== undefined && wire === 2) keep(made, field, part);
  }
  return made;
}

function keep(made: JsonObject, [name, type, isList]: Message[number], part: Buffer): void {
  if (typeof type === 'object' && 'map' in type) {
    const { key, value } = read(part, { 1: ['key', 'text'], 2: ['value', (type as { map: FieldType }).map] });
    ensure(made, name)[String(key ?? '')] = value ?? '';
    return;
  }
  const value = single(part, type);
  if (isList !== true) made[name] = value;
  else made[name] = [...listAt(made, name), value];
}

function single(part: Buffer, type: FieldType): Json {
  if (type === 'bytes') return part.toString('base64');
  return typeof type === 'object' && !('map' in type) ? read(part, type as Message) : part.toString('utf8');
}
