import type { Attempt } from './rbac.ts';

/** What a path and method ask for, as the server understands it before it looks at anything else. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Null for what is no object: discovery, health, OpenAPI. */
  readonly target: Target | null;
}

export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

export function askedOf(method: string, address: string): Asked {
  const url = new URL(address, 'https://cluster');
  const path = url.pathname;
  return { method, path, query: url.searchParams, target: targetOf(path) };
}

function targetOf(path: string): Target | null {
  const parts = path
    .split('/')
    .slice(1)
    .filter((part, index, all) => part !== '' || index < all.length - 1)
    .map(decodeURIComponent);
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return null;
  const [group, version, rest] = isCore
    ? ['', parts[1] ?? '', parts.slice(2)]
    : [parts[1] ?? '', parts[2] ?? '', parts.slice(3)];
  if (rest.length === 0) return null;
  const isInside = rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] ?? '');
  const [namespace, from] = isInside ? [rest[1] ?? '', rest.slice(2)] : ['', rest];
  const [resource = '', name = '', ...subresource] = from;
  return { group, version, resource, subresource: subresource.join('/'), namespace, name };
}

/** What the asker must be allowed to do. */
export function attemptOf(asked: Asked): Attempt {
  const { target, method } = asked;
  if (target === null) return { verb: method.toLowerCase(), path: asked.path };
  const { group, resource, subresource, name } = target;
  // The namespace of a namespace is itself, for who may do what.
  const namespace = group === '' && resource === 'namespaces' ? target.name : target.namespace;
  return { verb: verbOf(asked, target), group, resource, subresource, namespace, name };
}

function verbOf(asked: Asked, target: Target): string {
  const isOne = target.name !== '';
  if (asked.method === 'DELETE') return isOne ? 'delete' : 'deletecollection';
  const verb = VERBS[asked.method];
  if (verb !== undefined) return verb;
  if (isWatch(asked)) return 'watch';
  return isOne ? 'get' : 'list';
}

export const isWatch = (asked: Asked): boolean => ['true', '1'].includes(asked.query.get('watch') ?? '');
