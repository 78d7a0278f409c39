import { randomUUID } from 'node:crypto';
import { at, clone, ensure, equal, isObject, type Json, type JsonObject, listAt, textAt } from './json.ts';
import { afterUpdate, applied, entriesOf, withEntries } from './managed.ts';
import { structuredMerge } from './patches.ts';
import { itemsOf, recording } from './recording.ts';
import { apiVersionOf, type Resource, type Resources, storageOf } from './resources.ts';
import type { Store } from './store.ts';
import { now } from './write.ts';

const RBAC = 'rbac.authorization.k8s.io';
const CONTROLLER = 'kube-controller-manager';
const REVISION = 'deployment.kubernetes.io/revision';

/** The few controllers that run: what every namespace holds, revisions of Deployments, kinds that are defined. */
export class Controllers {
  readonly #store: Store;
  readonly #resources: Resources;

  constructor(store: Store, resources: Resources) {
    this.#store = store;
    this.#resources = resources;
  }

  after(object: JsonObject, before: JsonObject | null, resource: Resource): void {
    const kind = `${resource.group}/${resource.plural}`;
    if (kind === '/namespaces' && before === null) this.#furnish(textAt(object, 'metadata', 'name'));
    if (kind === `${RBAC}/clusterroles`) this.#aggregate(resource);
    if (kind === 'apps/deployments') this.#roll(object, before, resource);
    if (kind === 'apiextensions.k8s.io/customresourcedefinitions') this.#establish(object, resource);
  }

  /** Removes what belonged to an object that is gone, and what lay in it: in a namespace, or of a kind. */
  collect(gone: JsonObject, storage: string): void {
    const [uid, name] = [textAt(gone, 'metadata', 'uid'), textAt(gone, 'metadata', 'name')];
    const isDefinition = storage === 'apiextensions.k8s.io/customresourcedefinitions';
    const defined = storageOf({
      group: textAt(gone, 'spec', 'group'),
      plural: textAt(gone, 'spec', 'names', 'plural'),
    });
    for (const { storage: place, object } of this.#store.everything()) {
      const owners = at(object, 'metadata')['ownerReferences'];
      const isOwned = Array.isArray(owners) && owners.some((owner) => textAt(owner, 'uid') === uid);
      const isInside = storage === '/namespaces' && textAt(object, 'metadata', 'namespace') === name;
      if (!isOwned && !isInside && !(isDefinition && place === defined)) continue;
      this.#store.delete(place, object);
      this.collect(object, place);
    }
    if (isDefinition) this.#resources.forget(name);
  }

  #furnish(namespace: string): void {
    for (const [path, name] of [
      ['/api/v1/serviceaccounts', 'default'],
      ['/api/v1/configmaps', 'kube-root-ca.crt'],
    ] as const) {
      const list = recording.answer(path);
      const model = itemsOf(list).find((one) => textAt(one, 'metadata', 'name') === name);
      if (model === undefined) throw new Error(`no ${name} was recorded`);
      const object = { kind: textAt(list, 'kind').replace(/List$/, ''), apiVersion: 'v1', ...clone(model) };
      Object.assign(at(object, 'metadata'), { namespace, uid: randomUUID(), creationTimestamp: now() });
      this.#store.put(storageOf({ group: '', plural: path.split('/')[3] ?? '' }), object);
    }
  }

  /** Fills the rules of ClusterRoles that are made of others. */
  #aggregate(resource: Resource): void {
    const roles = this.#store.list(storageOf(resource)).map(({ object }) => object);
    for (const role of roles) {
      const selectors = listAt(role, 'aggregationRule', 'clusterRoleSelectors').filter(isObject);
      if (selectors.length === 0) continue;
      const parts = roles.filter((one) => one !== role && selectors.some((selector) => isSelected(one, selector)));
      const rules: Json[] = [];
      for (const rule of parts.flatMap((part) => listAt(part, 'rules'))) {
        if (!rules.some((known) => equal(known, rule))) rules.push(clone(rule));
      }
      if (equal(role['rules'] ?? [], rules)) continue;
      const writer = {
        manager: 'clusterrole-aggregation-controller',
        apiVersion: apiVersionOf(resource),
        subresource: '',
      };
      const result = applied(role, { rules }, this.#resources.type(resource), writer, now(), structuredMerge);
      this.#store.put(storageOf(resource), withEntries(result.object, result.managedFields));
    }
  }

  /** The Deployment controller: counts the templates, and reports that all replicas are there. */
  #roll(object: JsonObject, before: JsonObject | null, resource: Resource): void {
    const live = clone(object);
    const annotations = ensure(ensure(live, 'metadata'), 'annotations');
    const old = Number(textAt(before ?? {}, 'metadata', 'annotations', REVISION) || '0');
    const isNew = before === null || !equal(at(before, 'spec', 'template'), at(object, 'spec', 'template'));
    annotations[REVISION] = String(isNew ? old + 1 : Math.max(old, 1));
    live['status'] = deploymentStatus(live);
    this.#report(object, live, resource, CONTROLLER);
  }

  #establish(object: JsonObject, resource: Resource): void {
    this.#resources.define(object);
    const live = clone(object);
    const names = at(object, 'spec', 'names');
    const condition = (type: string, reason: string, message: string) => ({
      type,
      status: 'True',
      lastTransitionTime: textAt(object, 'metadata', 'creationTimestamp'),
      reason,
      message,
    });
    live['status'] = {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: clone(names),
      storedVersions: at(object, 'status')['storedVersions'] ?? [],
    };
    this.#report(object, live, resource, 'kube-apiserver');
  }

  #report(before: JsonObject, after: JsonObject, resource: Resource, manager: string): void {
    if (equal(before, after)) return;
    const type = this.#resources.type(resource);
    const writer = { manager, apiVersion: apiVersionOf(resource), subresource: 'status' };
    const managed = afterUpdate(entriesOf(before), withoutNil(before, resource), after, type, writer, now());
    this.#store.put(storageOf(resource), withEntries(after, managed));
  }
}

/** Lists of a CustomResourceDefinition's status are there from the start, if only as null. */
function withoutNil(object: JsonObject, resource: Resource): JsonObject {
  if (resource.plural !== 'customresourcedefinitions') return object;
  const nil = { conditions: null, acceptedNames: {} };
  return { ...object, status: { ...nil, ...at(object, 'status') } };
}

function deploymentStatus(deployment: JsonObject): JsonObject {
  const replicas = Number(at(deployment, 'spec')['replicas'] ?? 1);
  const conditions = at(deployment, 'status')['conditions'];
  const time = now();
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastUpdateTime: time,
    lastTransitionTime: time,
    reason,
    message,
  });
  const counts =
    replicas === 0 ? {} : { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  return {
    observedGeneration: at(deployment, 'metadata')['generation'] ?? 1,
    ...counts,
    terminatingReplicas: 0,
    conditions: Array.isArray(conditions)
      ? conditions
      : [
          condition('Available', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'),
          condition('Progressing', 'NewReplicaSetAvailable', 'The ReplicaSet has successfully progressed.'),
        ],
  };
}

function isSelected(role: JsonObject, selector: JsonObject): boolean {
  const labels = at(role, 'metadata', 'labels');
  const wanted = Object.entries(at(selector, 'matchLabels'));
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
