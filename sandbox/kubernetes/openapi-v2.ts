/**
 * The one thing that kubectl asks the old OpenAPI document for, when a kind is not yet in the new one: whether the server
 * checks fields. It is about Namespaces then, and read as protobuf only.
 */
export const OPENAPI_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** As older clients spell it. */
export const wantsOpenApiV2 = (accept: string): boolean =>
  accept.includes(OPENAPI_V2) || accept.includes(OPENAPI_V2.replace('v2.v1', 'v2@v1'));

const bytesOf = (value: string | Buffer): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);

/** A field of a message: its number, its length, its bytes. */
function field(number: number, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map(bytesOf));
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left & 127) | 128);
  }
}

/** The document with the patch of a Namespace, as gnostic numbers its fields. */
export function openApiV2(): Buffer {
  const parameter = field(
    8,
    field(1, field(2, field(3, field(2, 'query'), field(4, 'fieldValidation'), field(6, 'string')))),
  );
  const kind = field(
    13,
    field(1, 'x-kubernetes-group-version-kind'),
    field(2, field(2, 'group: ""\nkind: Namespace\nversion: v1\n')),
  );
  const patch = field(8, parameter, kind);
  const paths = field(8, field(2, field(1, '/api/v1/namespaces/{name}'), field(2, patch)));
  return Buffer.concat([field(1, '2.0'), field(2, field(1, 'Kubernetes'), field(2, 'v1.36.2')), paths]);
}
