import { isObject, type JsonObject, textOf } from './json.ts';
import { groupOf, identify, type Scopes } from './objects.ts';

/** What autoscalers scale, as `namespace/Kind/name`: its replicas are theirs to set. */
export function scalers(objects: readonly JsonObject[], scopes: Scopes, defaultNamespace: string): ReadonlySet<string> {
  const scaled = new Set<string>();
  for (const object of objects) {
    const target = scaledBy(object);
    if (target !== null) scaled.add(`${identify(object, scopes, defaultNamespace).namespace ?? ''}/${target}`);
  }
  return scaled;
}

/** `Kind/name` in its namespace. KEDA's `ScaledObject` stands for an autoscaler that it makes itself. */
function scaledBy(object: JsonObject): string | null {
  const { kind, spec } = object;
  const isKeda = kind === 'ScaledObject' && groupOf(textOf(object['apiVersion'])) === 'keda.sh';
  if (kind !== 'HorizontalPodAutoscaler' && !isKeda) return null;
  const target = isObject(spec) ? spec['scaleTargetRef'] : undefined;
  if (!isObject(target) || typeof target['name'] !== 'string') return null;
  const { kind: scaled = isKeda ? 'Deployment' : null, name } = target;
  return typeof scaled === 'string' ? `${scaled}/${name}` : null;
}
