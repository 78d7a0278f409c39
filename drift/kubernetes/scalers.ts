import { scaledBy } from './compare/tolerance.ts';
import type { JsonObject } from './json.ts';
import { identify, type Scopes } from './objects.ts';

/** What autoscalers scale, as `namespace/Kind/name`: its replicas are theirs to set. */
export function scalers(objects: readonly JsonObject[], scopes: Scopes, defaultNamespace: string): ReadonlySet<string> {
  const scaled = new Set<string>();
  for (const object of objects) {
    if (object['kind'] !== 'HorizontalPodAutoscaler') continue;
    const target = scaledBy(object);
    if (target !== null) scaled.add(`${identify(object, scopes, defaultNamespace).namespace ?? ''}/${target}`);
  }
  return scaled;
}
