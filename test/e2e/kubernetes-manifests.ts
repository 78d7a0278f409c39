/** What the clusters of `kubernetes-service.test.ts` hold, and what its repository says. */

/** Kinds whose lists go wrong in different ways, two objects of each in one namespace. */
const PARTS: Readonly<Record<string, object>> = {
  'v1 ConfigMap': { data: { a: '1' } },
  'v1 ServiceAccount': {},
  'v1 ResourceQuota': { spec: { hard: { pods: '9' } } },
  'rbac.authorization.k8s.io/v1 Role': { rules: [] },
  'coordination.k8s.io/v1 Lease': { spec: { holderIdentity: 'acme' } },
  'networking.k8s.io/v1 NetworkPolicy': { spec: { podSelector: {} } },
};
export const APART = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'apart' } },
  ...Object.entries(PARTS).flatMap(([type, body]) => {
    const [apiVersion, kind] = type.split(' ');
    return ['one', 'two'].map((name) => ({ apiVersion, kind, metadata: { name, namespace: 'apart' }, ...body }));
  }),
]
  .map((object) => `#\n${JSON.stringify(object)}`)
  .join('\n---\n');

export const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "registry.acme.example/web:1", ports: [{ containerPort: 8080 }] }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: closed }
data: { colour: red }
`;
export const CLOSED = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: closed }\n';

export const NEW_OBJECT = `
apiVersion: v1
kind: ConfigMap
metadata: { name: pushed, namespace: apart }
data: { a: "1" }
`;

export const CALM = `
apiVersion: v1
kind: ConfigMap
metadata: { name: calm, namespace: default }
data: { a: "1" }
`;

export const CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.acme.example }
spec:
  group: acme.example
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { size: { type: integer } } } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: plumbline-widgets }
rules: [{ apiGroups: [acme.example], resources: ["*"], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: plumbline-widgets }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: plumbline-widgets }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: plumbline }]
`;
export const WIDGET = `
apiVersion: acme.example/v1
kind: Widget
metadata: { name: one, namespace: default }
spec: { size: 3 }
`;

/** Two kinds that Kubernetes stopped serving in these versions; the first one is there in another. */
export const OLD = `
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: { name: web, namespace: default }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
---
apiVersion: acme.example/v1
kind: Sprocket
metadata: { name: one, namespace: default }
`;
export const CURRENT = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web, namespace: default }
spec: { minAvailable: 1, selector: { matchLabels: { app: web } } }
`;

/** Opens one namespace to Plumbline. */
export const OPEN_SHOP = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: plumbline-reader, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: plumbline-reader }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: plumbline }]
`;

const REFERENCES = 'abcdefgh';
/** Nine lines that stand for hundreds of millions of values. */
export const LAUGHS = `a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]
${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${REFERENCES[index]}`).join(', ')}]`).join('\n')}
`;
/** Takes all the memory that it is given. */
export const HUNGRY = `local double(text, _) = text + text;
{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: std.foldl(double, std.range(1, 40), 'x') } }
`;
/** Never ends. */
export const FOREVER = `local forever(n) = if n < 0 then n else forever(n + 1) tailstrict;
{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' + forever(0) } }
`;
