import { isList, isObject, type Json, type JsonObject } from './json.ts';

/**
 * What the API server makes of a declaration in another version of its kind, for the kinds whose versions look different
 * and are still found in repositories. Everything else stays as it is.
 */
export function inVersion(declared: JsonObject, apiVersion: string): JsonObject {
  const { kind, spec } = declared;
  if (declared['apiVersion'] === apiVersion || !isObject(spec)) return declared;
  if (kind === 'HorizontalPodAutoscaler' && apiVersion === 'autoscaling/v2') {
    return { ...declared, spec: withMetrics(spec) };
  }
  if (kind === 'HorizontalPodAutoscaler' && apiVersion === 'autoscaling/v1') {
    return { ...declared, spec: withPercentage(spec) };
  }
  if (kind === 'Ingress' && apiVersion === 'networking.k8s.io/v1') return { ...declared, spec: ingressSpec(spec) };
  return declared;
}

const cpuMetric = (percentage: Json): Json => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percentage } },
});

function withMetrics({ targetCPUUtilizationPercentage: percentage, ...spec }: JsonObject): JsonObject {
  return percentage === undefined || percentage === null ? spec : { ...spec, metrics: [cpuMetric(percentage)] };
}

/** Only an average use of the processor can be said in `autoscaling/v1`. */
function withPercentage({ metrics, ...spec }: JsonObject): JsonObject {
  const [metric, ...more] = isList(metrics) ? metrics : [];
  const resource = isObject(metric) && metric['type'] === 'Resource' ? metric['resource'] : undefined;
  const target = isObject(resource) && resource['name'] === 'cpu' ? resource['target'] : undefined;
  const percentage = isObject(target) && target['type'] === 'Utilization' ? target['averageUtilization'] : undefined;
  if (metrics === undefined || percentage === undefined || more.length > 0)
    return { ...spec, ...(metrics === undefined ? {} : { metrics }) };
  return { ...spec, targetCPUUtilizationPercentage: percentage };
}

/** From `extensions/v1beta1` and `networking.k8s.io/v1beta1`. */
function ingressSpec({ backend, rules, ...spec }: JsonObject): JsonObject {
  return {
    ...spec,
    ...(backend === undefined ? {} : { defaultBackend: backendOf(backend) }),
    ...(isList(rules) ? { rules: rules.map(ruleOf) } : {}),
  };
}

function ruleOf(rule: Json): Json {
  const http = isObject(rule) ? rule['http'] : undefined;
  if (!isObject(rule) || !isObject(http) || !isList(http['paths'])) return rule;
  const paths = http['paths'].map((path) =>
    isObject(path) ? { pathType: 'ImplementationSpecific', ...path, backend: backendOf(path['backend']) } : path,
  );
  return { ...rule, http: { ...http, paths } };
}

function backendOf(backend: Json | undefined): Json {
  if (!isObject(backend) || backend['serviceName'] === undefined) return backend ?? null;
  const { serviceName, servicePort, ...rest } = backend;
  const port = typeof servicePort === 'string' ? { name: servicePort } : { number: servicePort ?? null };
  return { ...rest, service: { name: serviceName, ...(servicePort === undefined ? {} : { port }) } };
}
