import type { ServerResponse } from 'node:http';
import { type JsonObject, textAt } from './json.ts';
import { formOf, shaped } from './read.ts';
import type { Asked } from './requests.ts';
import { apiVersionOf, type Resource, storageOf } from './resources.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import type { Store } from './store.ts';

const LONGEST_SECONDS = 1800;

/** Streams changes of a kind, from now on; what is there already comes first when no version is named. @returns null */
export function watch(store: Store, resource: Resource, asked: Asked, accept: string, response: ServerResponse): null {
  const { query } = asked;
  const namespace = asked.target?.namespace ?? '';
  const selects = [
    labelSelector(query.get('labelSelector') ?? ''),
    fieldSelector(query.get('fieldSelector') ?? '', resource),
  ];
  const storage = storageOf(resource);
  const form = formOf(accept);
  const say = (type: string, object: JsonObject): void => {
    if (namespace !== '' && textAt(object, 'metadata', 'namespace') !== namespace) return;
    if (!selects.every((select) => select(object))) return;
    response.write(`${JSON.stringify({ type, object: shaped(object, resource, form) })}\n`);
  };
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  const since = query.get('resourceVersion') ?? '';
  const isList = query.get('sendInitialEvents') === 'true';
  if (isList || since === '' || since === '0') {
    for (const { object } of store.list(storage, namespace)) say('ADDED', object);
  }
  // What newer clients do in place of a list: they wait for the mark that all is said.
  if (isList) {
    const metadata = { resourceVersion: store.version, annotations: { 'k8s.io/initial-events-end': 'true' } };
    const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }
  const end = store.listen((change) => {
    if (change.storage === storage) say(change.type, change.object);
  });
  const seconds = Math.min(Number(query.get('timeoutSeconds') ?? '') || LONGEST_SECONDS, LONGEST_SECONDS);
  const timer = setTimeout(() => response.end(), seconds * 1000);
  timer.unref();
  response.once('close', () => {
    clearTimeout(timer);
    end();
  });
  return null;
}
