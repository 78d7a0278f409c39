import { at, type Json, type JsonObject, textAt } from './json.ts';
import { type Attempt, isAllowed, rulesOf, type User } from './rbac.ts';
import type { Store } from './store.ts';

/** Kinds that are questions: they are answered, not kept. Null for any other. */
export function reviewed(kind: string, body: JsonObject, user: User, store: Store): JsonObject | null {
  const answer = (status: JsonObject): JsonObject => ({ ...body, metadata: {}, status });
  switch (kind) {
    case 'selfsubjectaccessreviews': {
      const allowed = isAllowed(store, user, attemptIn(body));
      return answer({ allowed, ...(allowed ? {} : { reason: '' }) });
    }
    case 'selfsubjectrulesreviews': {
      const rules = rulesOf(store, user, textAt(body, 'spec', 'namespace'));
      return answer({
        resourceRules: rules.filter((rule) => 'resources' in rule) as Json[],
        nonResourceRules: rules.filter((rule) => 'nonResourceURLs' in rule) as Json[],
        incomplete: false,
      });
    }
    case 'selfsubjectreviews':
      return answer({ userInfo: { username: user.name, groups: [...user.groups] } });
    default:
      return null;
  }
}

function attemptIn(body: JsonObject): Attempt {
  const spec = at(body, 'spec');
  const plain = at(spec, 'nonResourceAttributes');
  if (textAt(plain, 'path') !== '') return { verb: textAt(plain, 'verb'), path: textAt(plain, 'path') };
  const attributes = at(spec, 'resourceAttributes');
  const of = (key: string): string => textAt(attributes, key);
  return {
    verb: of('verb'),
    group: of('group'),
    resource: of('resource'),
    subresource: of('subresource'),
    namespace: of('namespace'),
    name: of('name'),
  };
}
