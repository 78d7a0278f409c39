import type { Json, JsonObject } from './json.ts';
import type { Resource } from './resources.ts';

/** A request that the server refuses, as the `Status` that it answers with. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: number;
  readonly body: JsonObject;

  constructor(code: number, reason: string | null, message: string, details?: JsonObject, metadata: JsonObject = {}) {
    super(message);
    this.code = code;
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      ...(reason === null ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

export interface Cause {
  readonly reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldManagerConflict';
  readonly message: string;
  readonly field: string;
}

function detailsOf(resource: Resource, name: string, kind = resource.plural): JsonObject {
  const group: JsonObject = resource.group === '' ? {} : { group: resource.group };
  return { ...(name === '' ? {} : { name }), ...group, kind };
}

const qualified = (resource: Resource): string =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;

export const notFound = (resource: Resource, name: string): Refused =>
  new Refused(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));

export const notServed = (): Refused =>
  new Refused(404, 'NotFound', 'the server could not find the requested resource', {});

export const badRequest = (message: string): Refused => new Refused(400, 'BadRequest', message);

export const exists = (resource: Resource, name: string): Refused =>
  new Refused(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, detailsOf(resource, name));

export const conflict = (resource: Resource, name: string, why: string): Refused =>
  new Refused(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    detailsOf(resource, name),
  );

export const CHANGED = 'the object has been modified; please apply your changes to the latest version and try again';

export function invalid(resource: Resource, name: string, causes: readonly Cause[]): Refused {
  const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
  const said = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const text = said.length === 1 ? (said[0] ?? '') : `[${said.join(', ')}]`;
  const details = { ...detailsOf(resource, name, resource.kind), causes: causes.map((cause): Json => ({ ...cause })) };
  return new Refused(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, details);
}

export function forbidden(resource: Resource, name: string, why: string): Refused {
  const what = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new Refused(403, 'Forbidden', `${what} is forbidden: ${why}`, detailsOf(resource, name));
}

export const notAllowed = (): Refused =>
  new Refused(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
