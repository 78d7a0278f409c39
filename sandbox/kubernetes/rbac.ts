import { isObject, type JsonObject, listAt, stringsAt, textAt } from './json.ts';
import type { Store } from './store.ts';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What somebody wants to do. */
export type Attempt =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource: string;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly verb: string; readonly path: string };

const RBAC = 'rbac.authorization.k8s.io';

/** Whether any role that is bound to the user allows the attempt; roles and bindings are those that are stored. */
export function isAllowed(store: Store, user: User, attempt: Attempt): boolean {
  const namespace = 'path' in attempt ? '' : attempt.namespace;
  return rulesOf(store, user, namespace).some((rule) => covers(rule, attempt));
}

/** All rules of a user, cluster-wide and in a namespace. */
export function rulesOf(store: Store, user: User, namespace: string): readonly JsonObject[] {
  if (user.groups.includes('system:masters')) return EVERYTHING;
  const wide = store.list(`${RBAC}/clusterrolebindings`).map(({ object }) => object);
  const narrow = namespace === '' ? [] : store.list(`${RBAC}/rolebindings`, namespace).map(({ object }) => object);
  return [...wide, ...narrow]
    .filter((binding) => binds(binding, user))
    .flatMap((binding) => {
      const isCluster = textAt(binding, 'roleRef', 'kind') === 'ClusterRole';
      const role = store.get(
        isCluster ? `${RBAC}/clusterroles` : `${RBAC}/roles`,
        isCluster ? '' : namespace,
        textAt(binding, 'roleRef', 'name'),
      );
      return role === null ? [] : listAt(role, 'rules').filter(isObject);
    });
}

const EVERYTHING: readonly JsonObject[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

function binds(binding: JsonObject, user: User): boolean {
  return listAt(binding, 'subjects').some((subject) => {
    const name = textAt(subject, 'name');
    switch (textAt(subject, 'kind')) {
      case 'User':
        return user.name === name;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount': {
        const namespace = textAt(subject, 'namespace') || textAt(binding, 'metadata', 'namespace');
        return user.name === `system:serviceaccount:${namespace}:${name}`;
      }
      default:
        return false;
    }
  });
}

function covers(rule: JsonObject, attempt: Attempt): boolean {
  const has = (key: string, value: string): boolean => stringsAt(rule, key).some((one) => one === '*' || one === value);
  if (!has('verbs', attempt.verb)) return false;
  if ('path' in attempt) {
    return stringsAt(rule, 'nonResourceURLs').some((url) =>
      url.endsWith('*') ? attempt.path.startsWith(url.slice(0, -1)) : url === attempt.path,
    );
  }
  if (!has('apiGroups', attempt.group)) return false;
  const wanted = attempt.subresource === '' ? attempt.resource : `${attempt.resource}/${attempt.subresource}`;
  const anyOfKind = attempt.subresource === '' ? [] : [`*/${attempt.subresource}`];
  if (!stringsAt(rule, 'resources').some((one) => one === '*' || one === wanted || anyOfKind.includes(one)))
    return false;
  const names = stringsAt(rule, 'resourceNames');
  return names.length === 0 || (attempt.name !== '' && names.includes(attempt.name));
}

/** The sentence that a refusal says, as the server words it. */
export function refusalText(user: User, attempt: Attempt): string {
  const who = `User "${user.name}" cannot ${attempt.verb}`;
  if ('path' in attempt) return `${who} path "${attempt.path}"`;
  const what = attempt.subresource === '' ? attempt.resource : `${attempt.resource}/${attempt.subresource}`;
  const where = attempt.namespace === '' ? 'at the cluster scope' : `in the namespace "${attempt.namespace}"`;
  return `${who} resource "${what}" in API group "${attempt.group}" ${where}`;
}
