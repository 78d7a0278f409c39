import { randomBytes, randomUUID } from 'node:crypto';
import { parse as parseYaml } from 'yaml';
import { ownerConflict, scaleOf } from './answers.ts';
import { applySchemaDefaults, schemaCauses } from './custom.ts';
import { decode, skeleton } from './decode.ts';
import { applyDefaults } from './defaults.ts';
import { at, clone, ensure, equal, isObject, type Json, type JsonObject, listAt, parseJson, textAt } from './json.ts';
import { afterUpdate, applied, sentEntries, type Writer, withEntries } from './managed.ts';
import { jsonPatch, mergePatch, strategicPatch, structuredMerge } from './patches.ts';
import { apiVersionOf, type Resource, type Resources, storageOf } from './resources.ts';
import type { Type } from './schema.ts';
import { badRequest, CHANGED, conflict, exists, invalid, notFound, Refused } from './status.ts';
import type { Store } from './store.ts';
import { allocate, countTemplates, isSameButBookkeeping, prepareChanged, prepareNew } from './strategy.ts';
import { causesOf } from './validate.ts';

/** Where a write goes, and how it is to be treated. */
export interface WriteRequest {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly manager: string;
  readonly isManagerNamed: boolean;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly validation: 'Ignore' | 'Warn' | 'Strict';
  readonly warn: (text: string) => void;
}

/** What happens after an object was written; the few controllers that run. */
export type AfterWrite = (object: JsonObject, before: JsonObject | null, resource: Resource) => void;

const SCALE: Pick<Resource, 'group' | 'kind'> = { group: 'autoscaling', kind: 'Scale' };
export const UNSUPPORTED = 'the body of the request was in an unknown format - accepted media types include';

/** All that changes what a cluster holds. */
export class Writes {
  readonly #store: Store;
  readonly #resources: Resources;
  readonly #after: AfterWrite;

  constructor(store: Store, resources: Resources, after: AfterWrite) {
    this.#store = store;
    this.#resources = resources;
    this.#after = after;
  }

  create(request: WriteRequest, body: JsonObject): JsonObject {
    const { resource } = request;
    const type = this.#resources.type(resource);
    this.#checkKind(resource, body);
    const object = this.#decoded(body, type, request);
    const metadata = ensure(object, 'metadata');
    if (textAt(metadata, 'resourceVersion') !== '')
      throw badRequest('resourceVersion should not be set on objects to be created');
    if (textAt(metadata, 'name') === '' && textAt(metadata, 'generateName') !== '') {
      metadata['name'] = `${textAt(metadata, 'generateName')}${randomBytes(4).toString('hex').slice(0, 5)}`;
    }
    this.#place(object, request);
    delete metadata['managedFields'];
    this.#complete(object, null, resource);
    const writer: Writer = { manager: request.manager, apiVersion: apiVersionOf(resource), subresource: '' };
    const none = resource.custom === null ? skeleton(type, true) : {};
    const managed = afterUpdate([], isObject(none) ? none : {}, object, type, writer, now());
    return this.#insert(withEntries(object, managed), request);
  }

  replace(request: WriteRequest, body: JsonObject): JsonObject {
    const live = this.#live(request);
    this.#checkKind(request.resource, body);
    if (textAt(body, 'metadata', 'name') !== request.name) {
      throw badRequest(
        `the name of the object (${textAt(body, 'metadata', 'name')}) does not match the name on the URL (${request.name})`,
      );
    }
    return this.#update(request, live, body);
  }

  /** @param kind the patch's media type */
  patch(request: WriteRequest, kind: string, text: string): JsonObject {
    const { resource } = request;
    if (kind === 'application/apply-patch+yaml') return this.#apply(request, text);
    const live = this.#live(request);
    const patch = parsed(text);
    const type = this.#resources.type(resource);
    switch (kind) {
      case 'application/json-patch+json':
        return this.#update(request, live, jsonPatch(live, patch));
      case 'application/merge-patch+json': {
        const merged = mergePatch(clone(live), patch);
        return this.#update(request, live, isObject(merged) ? merged : {});
      }
      case 'application/strategic-merge-patch+json':
        if (resource.custom !== null) break;
        return this.#update(request, live, strategicPatch(clone(live), isObject(patch) ? patch : {}, type));
    }
    const accepted = ['json-patch+json', 'merge-patch+json', 'apply-patch+yaml'].map((one) => `application/${one}`);
    throw new Refused(415, 'UnsupportedMediaType', `${UNSUPPORTED}: ${accepted.join(', ')}`, {});
  }

  /** Changes the number of replicas, as the scale subresource does. */
  scale(request: WriteRequest, change: (scale: JsonObject) => JsonObject): JsonObject {
    const live = this.#live(request);
    const wanted = change(scaleOf(live, request.resource));
    const version = textAt(wanted, 'metadata', 'resourceVersion');
    if (version !== '' && version !== textAt(live, 'metadata', 'resourceVersion')) {
      throw conflict(request.resource, request.name, CHANGED);
    }
    const replicas = at(wanted, 'spec')['replicas'] ?? 0;
    if (typeof replicas !== 'number' || replicas < 0) {
      const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
      const scale: Resource = { ...request.resource, ...SCALE };
      throw invalid(scale, request.name, [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message }]);
    }
    const object = clone(live);
    at(object, 'spec')['replicas'] = replicas;
    return scaleOf(this.#save(request, live, object), request.resource);
  }

  #apply(request: WriteRequest, text: string): JsonObject {
    const { resource } = request;
    if (!request.isManagerNamed) {
      const cause = {
        reason: 'FieldValueRequired',
        field: 'fieldManager',
        message: 'Required value: is required for apply patch',
      } as const;
      throw invalid({ ...resource, group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [cause]);
    }
    const body = parsed(text);
    if (!isObject(body)) throw badRequest('error decoding YAML: the body is no object');
    this.#checkKind(resource, body);
    if (listAt(body, 'metadata', 'managedFields').length > 0) throw badRequest('metadata.managedFields must be nil');
    const type = this.#resources.type(resource);
    const { unknown } = decode(body, type, resource);
    if (unknown.length > 0) throw this.#undeclared(unknown, request, body);
    const found = this.#store.get(storageOf(resource), request.namespace, request.name);
    const live = found ?? {};
    ensure(body, 'metadata')['name'] ??= request.name;
    const writer: Writer = {
      manager: request.manager,
      apiVersion: apiVersionOf(resource),
      subresource: request.subresource,
    };
    const result = applied(live, body, type, writer, now(), structuredMerge);
    if (result.conflicts.length > 0 && !request.isForced) throw ownerConflict(result.conflicts);
    const object = decode(result.object, type, resource).object;
    if (found === null) {
      this.#place(object, request);
      this.#complete(object, null, resource);
      return this.#insert(withEntries(object, result.managedFields), request);
    }
    this.#complete(object, found, resource);
    return this.#commit(request, found, withEntries(object, result.managedFields));
  }

  #undeclared(unknown: readonly string[], request: WriteRequest, body: JsonObject): Refused {
    if (request.validation === 'Strict') return strict(unknown);
    const named = `${request.namespace}/${request.name}; ${textAt(body, 'apiVersion')}, Kind=${textAt(body, 'kind')}`;
    const why = unknown.map((place) => `.${place}: field not declared in schema`).join('\n');
    return new Refused(500, null, `failed to create typed patch object (${named}): ${why}`, {});
  }

  #update(request: WriteRequest, live: JsonObject, body: JsonObject): JsonObject {
    const { resource } = request;
    const version = textAt(body, 'metadata', 'resourceVersion');
    if (version !== '' && version !== textAt(live, 'metadata', 'resourceVersion'))
      throw conflict(resource, request.name, CHANGED);
    const object = this.#decoded(body, this.#resources.type(resource), request);
    const metadata = ensure(object, 'metadata');
    if (textAt(metadata, 'name') !== request.name) throw badRequest('the name of the object cannot be changed');
    const uid = textAt(metadata, 'uid');
    if (uid !== '' && uid !== textAt(live, 'metadata', 'uid')) {
      throw conflict(
        resource,
        request.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${textAt(live, 'metadata', 'uid')}`,
      );
    }
    if (resource.namespaced) metadata['namespace'] = request.namespace;
    this.#complete(object, live, resource);
    return this.#save(request, live, object);
  }

  /** Works out who owns what now, and keeps it. */
  #save(request: WriteRequest, live: JsonObject, given: JsonObject): JsonObject {
    const { resource, subresource } = request;
    const type = this.#resources.type(resource);
    const object =
      subresource === 'status'
        ? { ...clone(live), metadata: given['metadata'] ?? {}, ...pick(given, 'status') }
        : given;
    if (subresource !== 'status' && resource.subresources.includes('status')) {
      if (live['status'] === undefined) delete object['status'];
      else object['status'] = clone(live['status']);
    }
    const writer: Writer = { manager: request.manager, apiVersion: apiVersionOf(resource), subresource };
    const entries = sentEntries(subresource === '' ? object : live, live);
    const time = subresource === 'scale' ? '' : now();
    const managed = afterUpdate(entries, live, object, type, writer, time);
    return this.#commit(request, live, withEntries(object, managed));
  }

  #commit(request: WriteRequest, live: JsonObject, object: JsonObject): JsonObject {
    const { resource } = request;
    const status = object['status'];
    prepareChanged(object, live, resource);
    if (request.subresource === 'status' && status !== undefined) object['status'] = status;
    if (resource.group === '' && resource.plural === 'services') allocate(object, live, this.#all(resource));
    this.#validate(object, live, resource);
    at(object, 'metadata')['resourceVersion'] = textAt(live, 'metadata', 'resourceVersion');
    const isSame =
      isSameButBookkeeping(object, live) &&
      equal(at(object, 'metadata')['managedFields'], at(live, 'metadata')['managedFields']);
    if (isSame) return live;
    if (request.isDryRun) return object;
    const isGone =
      textAt(object, 'metadata', 'deletionTimestamp') !== '' && listAt(object, 'metadata', 'finalizers').length === 0;
    if (isGone) {
      this.#store.delete(storageOf(resource), object);
      return object;
    }
    const kept = this.#store.put(storageOf(resource), object);
    this.#after(kept, live, resource);
    return this.#store.get(storageOf(resource), request.namespace, request.name) ?? kept;
  }

  #insert(object: JsonObject, request: WriteRequest): JsonObject {
    const { resource } = request;
    const metadata = ensure(object, 'metadata');
    const name = textAt(metadata, 'name');
    if (resource.namespaced && this.#store.get('/namespaces', '', request.namespace) === null) {
      throw notFound({ ...resource, group: '', plural: 'namespaces' }, request.namespace);
    }
    Object.assign(metadata, { uid: randomUUID(), creationTimestamp: now() });
    prepareNew(object, resource);
    if (resource.group === '' && resource.plural === 'services') allocate(object, null, this.#all(resource));
    this.#validate(object, null, resource);
    if (this.#store.get(storageOf(resource), request.namespace, name) !== null) throw exists(resource, name);
    if (request.isDryRun) return object;
    const kept = this.#store.put(storageOf(resource), object);
    this.#after(kept, null, resource);
    return this.#store.get(storageOf(resource), request.namespace, name) ?? kept;
  }

  /** Puts in what the server's own types and the kind's schema have as defaults. */
  #complete(object: JsonObject, before: JsonObject | null, resource: Resource): void {
    object['apiVersion'] = apiVersionOf(resource);
    object['kind'] = resource.kind;
    if (resource.custom !== null) {
      applySchemaDefaults(object, at(resource.custom, 'schema', 'openAPIV3Schema'));
      return;
    }
    applyDefaults(object, resource);
    if (resource.group === 'apps' && resource.plural === 'daemonsets') {
      const old = Number(
        textAt(before ?? {}, 'metadata', 'annotations', 'deprecated.daemonset.template.generation') || '0',
      );
      const isChanged = before === null || !equal(at(before, 'spec', 'template'), at(object, 'spec', 'template'));
      countTemplates(object, isChanged ? old + 1 : old);
    }
  }

  #place(object: JsonObject, request: WriteRequest): void {
    const metadata = ensure(object, 'metadata');
    for (const key of ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'selfLink', 'deletionTimestamp'])
      delete metadata[key];
    const namespace = textAt(metadata, 'namespace');
    if (!request.resource.namespaced) {
      delete metadata['namespace'];
      return;
    }
    if (namespace !== '' && namespace !== request.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    metadata['namespace'] = request.namespace;
  }

  #decoded(body: JsonObject, type: Type, request: WriteRequest): JsonObject {
    const { object, unknown } = decode(body, type, request.resource);
    if (unknown.length > 0 && request.validation === 'Strict') throw strict(unknown);
    if (request.validation === 'Warn') for (const place of unknown) request.warn(`unknown field "${place}"`);
    return object;
  }

  #validate(object: JsonObject, before: JsonObject | null, resource: Resource): void {
    const own = resource.custom === null ? [] : schemaCauses(object, at(resource.custom, 'schema', 'openAPIV3Schema'));
    const causes = [...causesOf(object, before, resource), ...own];
    if (causes.length > 0) throw invalid(resource, textAt(object, 'metadata', 'name'), causes);
  }

  #checkKind(resource: Resource, body: JsonObject): void {
    const [apiVersion, kind] = [textAt(body, 'apiVersion'), textAt(body, 'kind')];
    if (apiVersion === '' || kind === '')
      throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(body).slice(0, 200)}'`);
    if (apiVersion === apiVersionOf(resource) && kind === resource.kind) return;
    throw badRequest(
      `${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind}: no kind "${kind}" is registered for version "${apiVersion}"`,
    );
  }

  #live(request: WriteRequest): JsonObject {
    const found = this.#store.get(storageOf(request.resource), request.namespace, request.name);
    if (found === null) throw notFound(request.resource, request.name);
    return found;
  }

  #all(resource: Resource): readonly JsonObject[] {
    return this.#store.list(storageOf(resource)).map(({ object }) => object);
  }
}

export const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

const pick = (object: JsonObject, key: string): JsonObject => {
  const value = object[key];
  return value === undefined ? {} : { [key]: value };
};

function strict(unknown: readonly string[]): Refused {
  return badRequest(`strict decoding error: ${unknown.map((place) => `unknown field "${place}"`).join(', ')}`);
}

/** @throws Refused 400 */
function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    try {
      return parseYaml(text) as Json;
    } catch (error) {
      throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
