import { at, clone, isObject, type Json, type JsonObject, listAt, textAt } from './json.ts';
import type { Resource } from './resources.ts';

const NOTES = 'autoscaling.alpha.kubernetes.io';

/** Whether objects of a kind are kept in another version than this one. */
export const isOtherVersion = (resource: Resource): boolean =>
  resource.group === 'autoscaling' && resource.version === 'v1';

/** An object in the version that is asked for; only autoscalers have two here. */
export function inVersion(object: JsonObject, resource: Resource): JsonObject {
  if (!isOtherVersion(resource)) return object;
  const spec = at(object, 'spec');
  const status = at(object, 'status');
  const metrics = listAt(spec, 'metrics');
  const cpu = metrics.find((metric) => isCpu(metric));
  const others = metrics.filter((metric) => metric !== cpu);
  const notes: JsonObject = {
    ...at(object, 'metadata', 'annotations'),
    ...note('conditions', status['conditions']),
    ...note('current-metrics', status['currentMetrics']),
    ...(others.length > 0 ? note('metrics', others) : {}),
    ...note('behavior', spec['behavior']),
  };
  const { metrics: _, behavior: __, ...plain } = spec;
  const target = at(isObject(cpu) ? cpu : {}, 'resource', 'target')['averageUtilization'];
  const { conditions: ___, currentMetrics: ____, currentReplicas, ...state } = status;
  return {
    ...clone(object),
    apiVersion: 'autoscaling/v1',
    metadata: { ...at(object, 'metadata'), ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }) },
    spec: { ...plain, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: { ...state, currentReplicas: currentReplicas ?? 0 },
  };
}

const isCpu = (metric: Json): boolean =>
  textAt(metric, 'resource', 'name') === 'cpu' && textAt(metric, 'resource', 'target', 'type') === 'Utilization';

const note = (name: string, value: Json | undefined): JsonObject =>
  value === undefined || value === null ? {} : { [`${NOTES}/${name}`]: JSON.stringify(value) };
