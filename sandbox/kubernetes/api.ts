import { randomUUID } from 'node:crypto';
import { scaleOf } from './answers.ts';
import { Controllers } from './controllers.ts';
import { isOtherVersion } from './convert.ts';
import { AGGREGATED, aggregated, groupList, groupOf, resourceList, version, wantsAggregated } from './discovery.ts';
import { at, clone, ensure, isObject, type Json, type JsonObject, listAt, parseJson, textAt } from './json.ts';
import { openApiDocument, openApiRoot } from './openapi.ts';
import { OPENAPI_V2, openApiV2, wantsOpenApiV2 } from './openapi-v2.ts';
import { mergePatch } from './patches.ts';
import { PROTOBUF } from './protobuf.ts';
import type { User } from './rbac.ts';
import { formOf, readList, readOne, shaped } from './read.ts';
import { recording } from './recording.ts';
import type { Asked, Target } from './requests.ts';
import { type Resource, Resources, storageOf } from './resources.ts';
import { reviewed } from './reviews.ts';
import { badRequest, conflict, notAllowed, notFound, notServed, Refused } from './status.ts';
import { Store } from './store.ts';
import { now, UNSUPPORTED, type WriteRequest, Writes } from './write.ts';

export interface Incoming {
  readonly asked: Asked;
  readonly user: User;
  readonly accept: string;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: string;
}

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

const NOT_FOUND: Answer = {
  code: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: '404 page not found\n',
};
/** What is said for an API whose own server does not answer. */
const UNAVAILABLE: Answer = {
  code: 503,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: 'service unavailable\n',
};
const GUARDS = ['kubernetes.io/pv-protection', 'kubernetes.io/pvc-protection'];
const HEALTH = ['/healthz', '/livez', '/readyz'];
/** Said with every answer about these kinds. */
const DEPRECATED: Readonly<Record<string, string>> = {
  '/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  '/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
};

export const json = (code: number, body: Json, headers: Answer['headers'] = {}): Answer => ({
  code,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: `${JSON.stringify(body)}\n`,
});

/** What one cluster answers, to users that are already known and allowed. */
export class Api {
  readonly store = Store.fresh();
  readonly resources = new Resources();
  readonly #controllers = new Controllers(this.store, this.resources);
  readonly #writes = new Writes(this.store, this.resources, (object, before, resource) =>
    this.#controllers.after(object, before, resource),
  );

  /** @throws Refused */
  answer(incoming: Incoming): Answer {
    const { asked, accept } = incoming;
    if (asked.path === '/openapi/v2' && wantsOpenApiV2(accept)) {
      return { code: 200, headers: { 'Content-Type': OPENAPI_V2 }, body: openApiV2() };
    }
    if (!isAcceptable(accept)) {
      const offered = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
      throw new Refused(406, 'NotAcceptable', `only the following media types are accepted: ${offered.join(', ')}`, {});
    }
    const [root, group, served] = asked.path.split('/').slice(1);
    if (root === 'apis' && this.resources.unavailable.has(`${group}/${served}`)) return UNAVAILABLE;
    return asked.target === null ? this.#plain(asked, accept) : this.#object(incoming, asked.target);
  }

  /** Keeps objects as they are, kinds and namespaces first. @throws when a kind is not served */
  load(objects: readonly JsonObject[]): void {
    const order = (object: JsonObject): number =>
      ['CustomResourceDefinition', 'Namespace'].indexOf(textAt(object, 'kind'));
    for (const given of [...objects].sort((a, b) => order(b) - order(a))) {
      const [apiVersion, kind] = [textAt(given, 'apiVersion'), textAt(given, 'kind')];
      const resource = this.resources.ofKind(apiVersion, kind);
      if (resource === null) throw new Error(`the cluster serves no ${kind} of ${apiVersion}`);
      const object = clone(given);
      const metadata = ensure(object, 'metadata');
      metadata['uid'] ??= randomUUID();
      metadata['creationTimestamp'] ??= now();
      if (resource.namespaced) metadata['namespace'] ??= 'default';
      const kept = this.store.put(storageOf(resource), object);
      if (resource.plural === 'customresourcedefinitions') this.resources.define(kept);
    }
  }

  /** The kind that is asked for. @throws Refused 404 */
  served(target: Target): Resource | null {
    const found = this.resources.find(target.group, target.version, target.resource);
    if (found !== null) return found;
    if (target.group === '' ? target.version === 'v1' : groupOf(this.resources, target.group) !== null)
      throw notServed();
    return null;
  }

  #plain(asked: Asked, accept: string): Answer {
    const { path } = asked;
    if (asked.method !== 'GET') throw notAllowed();
    if (path === '/version') return json(200, version());
    if (HEALTH.some((place) => path === place || path.startsWith(`${place}/`))) {
      return { code: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'ok' };
    }
    if ((path === '/api' || path === '/apis') && wantsAggregated(accept)) {
      return json(200, aggregated(path, this.resources), {
        'Content-Type': AGGREGATED,
        'Cache-Control': 'public',
        Vary: 'Accept',
      });
    }
    if (path === '/api') return json(200, recording.answer('/api'));
    if (path === '/apis') return json(200, groupList(this.resources));
    if (path === '/openapi/v3') {
      return json(200, openApiRoot(this.resources), {
        'Content-Type': 'text/plain; charset=utf-8',
        'Accept-Ranges': 'bytes',
      });
    }
    if (path.startsWith('/openapi/v3/')) return this.#document(path.slice('/openapi/v3/'.length), asked);
    const [root, group = '', served = ''] = path.split('/').slice(1);
    if (root === 'api') return found(resourceList(this.resources, '', group));
    if (root !== 'apis') return NOT_FOUND;
    const known = groupOf(this.resources, group);
    if (known === null) return NOT_FOUND;
    return served === '' ? json(200, known) : found(resourceList(this.resources, group, served));
  }

  #document(place: string, asked: Asked): Answer {
    const document = openApiDocument(this.resources, place);
    if (document === null) return NOT_FOUND;
    const isPinned = asked.query.get('hash') === document.hash;
    const headers = {
      'Content-Type': 'application/json',
      'Accept-Ranges': 'bytes',
      'Cache-Control': isPinned ? 'public, immutable' : 'no-cache, private',
      Etag: `"${document.hash}"`,
      Vary: 'Accept',
    };
    return { code: 200, headers, body: document.text };
  }

  #object(incoming: Incoming, target: Target): Answer {
    const { asked } = incoming;
    const resource = this.served(target);
    if (resource === null) return NOT_FOUND;
    if (asked.method === 'POST' && target.name === '') {
      const answer = reviewed(resource.plural, bodyOf(incoming.body), incoming.user, this.store);
      if (answer !== null) return json(201, answer);
    }
    this.#checkPlace(target, resource, asked);
    const warnings: string[] = [];
    const deprecated = DEPRECATED[storageOf(resource)];
    if (deprecated !== undefined) warnings.push(deprecated);
    const answer =
      asked.method === 'GET'
        ? this.#read(incoming, target, resource)
        : this.#write(incoming, target, resource, warnings);
    if (warnings.length === 0) return answer;
    const said = warnings.map((text) => `299 - "${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
    return { ...answer, headers: { ...answer.headers, Warning: said } };
  }

  #checkPlace(target: Target, resource: Resource, asked: Asked): void {
    const isHere = target.subresource === '' || resource.subresources.includes(target.subresource);
    if (!isHere || (!resource.namespaced && target.namespace !== '')) throw notServed();
    // Objects of a namespace have no address outside of it.
    if (resource.namespaced && target.namespace === '' && target.name !== '') throw notServed();
    if (resource.namespaced && target.namespace === '' && asked.method === 'POST') throw notAllowed();
    const verb = {
      GET: target.name === '' ? 'list' : 'get',
      POST: 'create',
      PUT: 'update',
      PATCH: 'patch',
      DELETE: 'delete',
    }[asked.method];
    if (verb === undefined || (target.subresource === '' && !resource.verbs.includes(verb))) throw notAllowed();
    if ((asked.method === 'PUT' || asked.method === 'PATCH') && target.name === '') throw notAllowed();
  }

  #read(incoming: Incoming, target: Target, resource: Resource): Answer {
    const form = formOf(incoming.accept);
    if (target.name === '')
      return json(200, readList(this.store, resource, target.namespace, incoming.asked.query, form));
    if (target.subresource === 'scale') {
      const object = readOne(this.store, resource, target.namespace, target.name, 'whole');
      return json(200, scaleOf(object, resource));
    }
    return json(200, readOne(this.store, resource, target.namespace, target.name, form));
  }

  #write(incoming: Incoming, target: Target, resource: Resource, warnings: string[]): Answer {
    const { asked, body } = incoming;
    const request = writeRequest(incoming, target, resource, warnings);
    if (isOtherVersion(resource)) {
      const why = 'the cluster of the sandbox writes autoscalers as autoscaling/v2 only';
      throw new Refused(501, 'NotImplemented', why, {});
    }
    const form = formOf(incoming.accept);
    const sent = (code: number, object: JsonObject): Answer => json(code, shaped(object, resource, form));
    if (asked.method === 'DELETE') return this.#delete(request, body.trim() === '' ? {} : bodyOf(body), asked.query);
    const kind = incoming.contentType.split(';')[0]?.trim() ?? '';
    const isThere = this.store.get(storageOf(resource), request.namespace, request.name) !== null;
    if (asked.method !== 'PATCH' && !['', 'application/json', 'application/yaml', PROTOBUF].includes(kind)) {
      throw new Refused(415, 'UnsupportedMediaType', `${UNSUPPORTED}: application/json, application/yaml`, {});
    }
    if (request.subresource === 'scale') {
      const change = (scale: JsonObject): JsonObject => {
        if (asked.method === 'PUT') return bodyOf(body);
        const merged = mergePatch(scale, bodyOf(body));
        return isObject(merged) ? merged : {};
      };
      return json(200, this.#writes.scale(request, change));
    }
    if (asked.method === 'POST') return sent(201, this.#writes.create(request, bodyOf(body)));
    if (asked.method === 'PUT') return sent(200, this.#writes.replace(request, bodyOf(body)));
    return sent(isThere ? 200 : 201, this.#writes.patch(request, kind, body));
  }

  #delete(request: WriteRequest, options: JsonObject, query: URLSearchParams): Answer {
    const { resource } = request;
    if (request.name === '') return this.#deleteAll(request, query);
    const storage = storageOf(resource);
    const object = this.store.get(storage, request.namespace, request.name);
    if (object === null) throw notFound(resource, request.name);
    const uid = textAt(options, 'preconditions', 'uid');
    if (uid !== '' && uid !== textAt(object, 'metadata', 'uid')) {
      throw conflict(resource, request.name, `the UID in the precondition (${uid}) does not match the UID in record`);
    }
    const isDryRun = request.isDryRun || listAt(options, 'dryRun').includes('All');
    if (!isDryRun)
      this.#remove(object, storage, textAt(options, 'propagationPolicy') || (query.get('propagationPolicy') ?? ''));
    const group: JsonObject = resource.group === '' ? {} : { group: resource.group };
    const details = { name: request.name, ...group, kind: resource.plural, uid: textAt(object, 'metadata', 'uid') };
    return json(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  }

  #deleteAll(request: WriteRequest, query: URLSearchParams): Answer {
    const { resource } = request;
    const list = readList(this.store, resource, request.namespace, query, 'whole');
    const storage = storageOf(resource);
    for (const item of listAt(list, 'items').filter(isObject)) {
      const found = this.store.get(storage, textAt(item, 'metadata', 'namespace'), textAt(item, 'metadata', 'name'));
      if (found !== null && !request.isDryRun) this.#remove(found, storage, '');
    }
    return json(200, list);
  }

  #remove(object: JsonObject, storage: string, propagation: string): void {
    // The controllers that guard volumes let go at once: nothing uses them here.
    const held = listAt(object, 'metadata', 'finalizers').filter((one) => !GUARDS.includes(String(one)));
    if (held.length > 0) {
      const marked = clone(object);
      at(marked, 'metadata')['deletionTimestamp'] ??= now();
      this.store.put(storage, marked);
      return;
    }
    this.store.delete(storage, object);
    if (propagation !== 'Orphan') this.#controllers.collect(object, storage);
  }
}

const found = (body: JsonObject | null): Answer => {
  if (body === null) throw notServed();
  return json(200, body);
};

function isAcceptable(accept: string): boolean {
  return (
    accept === '' ||
    accept.split(',').some((offer) => /^\s*(\*\/\*|application\/\*|application\/json)\s*(;|$)/.test(offer))
  );
}

/** @throws Refused 400 */
function bodyOf(text: string): JsonObject {
  try {
    const body = parseJson(text);
    if (isObject(body)) return body;
  } catch (error) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  throw badRequest(
    "couldn't get version/kind; json parse error: json: cannot unmarshal the body into Go value of type struct",
  );
}

function writeRequest(incoming: Incoming, target: Target, resource: Resource, warnings: string[]): WriteRequest {
  const { query } = incoming.asked;
  const named = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) {
    throw badRequest(`invalid fieldValidation: ${validation}`);
  }
  return {
    resource,
    namespace: target.namespace,
    name: target.name,
    subresource: target.subresource,
    manager: named || (incoming.userAgent.split('/')[0] ?? '').slice(0, 128),
    isManagerNamed: named !== '',
    isDryRun: query.getAll('dryRun').includes('All'),
    isForced: query.get('force') === 'true',
    validation: validation === 'Strict' || validation === 'Ignore' ? validation : 'Warn',
    warn: (text) => warnings.push(text),
  };
}
