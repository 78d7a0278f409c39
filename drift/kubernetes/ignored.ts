import { globMatches } from '../rules/glob.ts';
import { without, withoutJq } from './jq.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import type { Identity } from './objects.ts';
import type { IgnoredParts } from './options.ts';

/** The rules that speak of an object. @param about the subject of its findings */
export function ignoredOf(identity: Identity, about: string, rules: readonly IgnoredParts[]): readonly IgnoredParts[] {
  return rules.filter(
    ({ group, kind, namespace, name, subject }) =>
      globMatches(group, identity.group) &&
      globMatches(kind, identity.kind) &&
      globMatches(namespace, identity.namespace ?? '') &&
      globMatches(name, identity.name) &&
      globMatches(subject, about),
  );
}

/** An object without what the rules name: neither side has it, so it cannot differ. @throws JqError */
export function withoutIgnored(object: JsonObject, rules: readonly IgnoredParts[]): JsonObject {
  let value: Json = object;
  for (const { pointers, jq } of rules) {
    for (const pointer of pointers) value = without(value, tokensOf(pointer));
    for (const path of jq) value = withoutJq(value, path);
  }
  return isObject(value) ? value : object;
}

/** RFC 6901. */
const tokensOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
