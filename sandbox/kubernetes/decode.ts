import { clone, Exact, isObject, type Json, type JsonObject } from './json.ts';
import { canonicalQuantity } from './quantity.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import type { Field, Scalar, Type } from './schema.ts';
import { badRequest, type Refused } from './status.ts';

/** An object as the server's own types hold it. */
export interface Decoded {
  readonly object: JsonObject;
  /** Fields that nobody knows, which were dropped. */
  readonly unknown: readonly string[];
}

/**
 * Go fields without a pointer that are left out when they are zero. OpenAPI does not tell them from those with a
 * pointer, which keep a zero.
 */
const LEFT_OUT_WHEN_ZERO = new Set(
  `hostNetwork hostPID hostIPC stdin stdinOnce tty readOnly paused publishNotReadyAddresses preserveUnknownFields
  globalDefault minReadySeconds initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold nodePort
  hostPort healthCheckNodePort value image workingDir subPath subPathExpr hostname subdomain nodeName priorityClassName
  serviceAccountName serviceAccount clusterIP loadBalancerIP externalName namespace apiGroup medium generateName
  serviceName imagePullPolicy terminationMessagePath protocol type sessionAffinity restartPolicy dnsPolicy schedulerName
  singular listKind`.split(/\s+/),
);

/** @throws Refused 400 where a value is of another type */
export function decode(body: JsonObject, type: Type, resource: Resource): Decoded {
  const unknown: string[] = [];
  const reader = new Reader(resource, unknown);
  const object = reader.read(body, type, '', false);
  return { object: isObject(object) ? object : {}, unknown };
}

class Reader {
  readonly #resource: Resource;
  readonly #unknown: string[];

  constructor(resource: Resource, unknown: string[]) {
    this.#resource = resource;
    this.#unknown = unknown;
  }

  read(value: Json, type: Type, path: string, isAmount: boolean): Json | undefined {
    if (type.is === 'any') return clone(value);
    if (value === null) return this.#resource.custom === null ? undefined : null;
    if (type.is === 'list') {
      if (!Array.isArray(value)) throw this.#mismatch(value, path, '[]');
      return value.map(
        (item, index) => this.read(item, type.item.type, `${path}[${index}]`, isAmount) ?? emptyOf(type.item.type),
      );
    }
    if (type.is === 'map') return this.#map(value, type, path);
    if (type.is === 'struct') return this.#struct(value, type, path);
    return this.#scalar(value, type.scalar, path, isAmount);
  }

  #map(value: Json, type: Type & { is: 'map' }, path: string): Json {
    if (!isObject(value)) throw this.#mismatch(value, path, 'map');
    const made: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      made[key] = this.read(item, type.value.type, `${path}.${key}`, true) ?? emptyOf(type.value.type);
    }
    return made;
  }

  #struct(value: Json, type: Type & { is: 'struct' }, path: string): Json {
    if (!isObject(value)) throw this.#mismatch(value, path, 'struct');
    const fields = type.fields();
    const made: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      const field = fields.get(key);
      const place = path === '' ? key : `${path}.${key}`;
      if (field === undefined) {
        if (type.open) made[key] = clone(item);
        else this.#unknown.push(place);
        continue;
      }
      const read = this.read(item, field.type, place, false);
      if (read !== undefined && !this.#isLeftOut(key, read, field)) made[key] = read;
    }
    if (this.#resource.custom === null) {
      for (const [key, field] of fields) if (field.always && made[key] === undefined) made[key] = skeleton(field.type);
    }
    return made;
  }

  #isLeftOut(key: string, value: Json, field: Field): boolean {
    if (this.#resource.custom !== null || field.required) return false;
    if (Array.isArray(value)) return value.length === 0;
    if (field.type.is === 'map') return isObject(value) && Object.keys(value).length === 0;
    return (value === '' || value === 0 || value === false) && LEFT_OUT_WHEN_ZERO.has(key);
  }

  #scalar(value: Json, scalar: Scalar, path: string, isAmount: boolean): Json {
    if (this.#resource.custom !== null) return clone(value);
    switch (scalar) {
      case 'quantity':
        return this.#quantity(value, path, isAmount ? -3 : -9);
      case 'int-or-string':
        if (typeof value !== 'string' && typeof value !== 'number') throw this.#mismatch(value, path, 'int32');
        return value;
      case 'boolean':
        if (typeof value !== 'boolean') throw this.#mismatch(value, path, 'bool');
        return value;
      case 'integer':
      case 'number':
        if (typeof value !== 'number' && !(value instanceof Exact)) throw this.#mismatch(value, path, 'int32');
        if (scalar === 'integer' && typeof value === 'number' && !Number.isInteger(value)) {
          throw this.#unreadable(`json: cannot unmarshal number ${value} into Go struct field ${path} of type int32`);
        }
        return value;
      default:
        if (typeof value !== 'string') throw this.#mismatch(value, path, 'string');
        if (scalar === 'bytes') this.#checkBase64(value);
        return value;
    }
  }

  #quantity(value: Json, path: string, smallest: number): Json {
    if (typeof value !== 'string' && typeof value !== 'number') throw this.#mismatch(value, path, 'Quantity');
    const canonical = canonicalQuantity(String(value), smallest);
    if (canonical !== null) return canonical;
    const form = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    throw this.#unreadable(`quantities must match the regular expression ${form}`);
  }

  #checkBase64(text: string): void {
    const bad = /[^A-Za-z0-9+/=\r\n]/.exec(text);
    const plain = text.replace(/[\r\n]/g, '');
    if (bad === null && plain.length % 4 === 0 && !/=[^=]/.test(plain)) return;
    throw this.#unreadable(`illegal base64 data at input byte ${bad?.index ?? plain.length - (plain.length % 4)}`);
  }

  #mismatch(value: Json, path: string, wanted: string): Refused {
    const is = Array.isArray(value)
      ? 'array'
      : value instanceof Exact
        ? 'number'
        : value === null
          ? 'null'
          : typeof value;
    const name = is === 'boolean' ? 'bool' : is;
    const place = path.replaceAll(/\[\d+\]/g, '');
    return this.#unreadable(
      `json: cannot unmarshal ${name} into Go struct field ${this.#resource.kind}.${place} of type ${wanted}`,
    );
  }

  #unreadable(why: string): Refused {
    const { kind, version } = this.#resource;
    const named = this.#resource.group === '' ? version : apiVersionOf(this.#resource);
    return badRequest(`${kind} in version "${named.split('/').pop()}" cannot be handled as a ${kind}: ${why}`);
  }
}

/** What a Go struct holds before anything was read into it: its parts without pointers, and nil where something must be. */
export function skeleton(type: Type, withNil = false): Json {
  if (type.is !== 'struct') return {};
  const made: JsonObject = {};
  for (const [key, field] of type.fields()) {
    if (field.always) made[key] = skeleton(field.type, withNil);
    else if (withNil && field.required && field.type.is !== 'scalar' && field.type.is !== 'any') made[key] = null;
  }
  return made;
}

/** What null becomes as a value of a map or list of a Go type. */
function emptyOf(type: Type): Json {
  if (type.is === 'scalar') return type.scalar === 'string' || type.scalar === 'bytes' ? '' : 0;
  return type.is === 'list' ? [] : {};
}
