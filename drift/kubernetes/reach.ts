import type { LiveCluster, Unreached } from './live.ts';
import { groupOf, type Identity } from './objects.ts';
import { hasKind, isBuiltinVersion } from './schema/builtin.ts';

/**
 * Why a declared object could not be looked for: a sentence; null: it was.
 * @param there what was found under its name, in whatever version
 */
export function whyUnseen(
  identity: Identity,
  live: LiveCluster,
  versions: readonly string[] | null,
  there: Identity | null,
): string | null {
  const { apiVersion, group, kind } = identity;
  const unreached = live.unreached.find((of) => hides(of, identity));
  if (unreached !== undefined) return unreached.reason;
  if (there !== null) return null;
  const served = live.served?.filter((of) => of.kind === kind && groupOf(of.apiVersion) === group) ?? null;
  if (served !== null && served.length === 0) return `${apiVersion} ${kind} is not served by the cluster`;
  if (versions !== null && !versions.some((version) => hasSuchKind(version, apiVersion, kind))) {
    return `${apiVersion} ${kind} is not served by the cluster, which has ${versions.join(', ')}`;
  }
  return null;
}

/** Whether what could not be looked at holds an object. */
export function hides(of: Unreached, { group, kind, namespace, name }: Identity): boolean {
  return (
    (of.apiVersion === '*' || groupOf(of.apiVersion) === group) &&
    (of.kind === kind || of.kind === '*') &&
    (of.namespace === null || of.namespace === namespace) &&
    (of.name === undefined || of.name === name)
  );
}

/** Whether a version that is served has the kind: itself, or as another version of the same group. */
function hasSuchKind(served: string, apiVersion: string, kind: string): boolean {
  if (served === apiVersion) return true;
  return groupOf(served) === groupOf(apiVersion) && (!isBuiltinVersion(served) || hasKind(served, kind));
}
