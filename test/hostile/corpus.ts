/** Objects that a server takes: what mutations begin with. Names, and what stands for NAMESPACE, are put in by who sends them. */

const labels = { app: 'a' }
const template = {
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'example/c', ports: [{ containerPort: 80 }] }] },
}
const selector = { matchLabels: labels }
const at = '2026-01-01T00:00:00.000000Z'

/** Below `/api/v1/namespaces/NAMESPACE` and the like: path without the namespace's part -> object without apiVersion, kind and name. */
export const namespacedObjects: Readonly<Record<string, object>> = {
  'api/v1/configmaps': { data: { k: 'v', n: '1' }, binaryData: { b: 'AAEC' } },
  'api/v1/secrets': { type: 'Opaque', data: { k: 'dg==' }, stringData: { s: 'v' } },
  'api/v1/serviceaccounts': { secrets: [{ name: 's' }], imagePullSecrets: [{ name: 's' }] },
  'api/v1/services': {
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }], sessionAffinity: 'ClientIP' },
  },
  'api/v1/endpoints': { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ name: 'http', port: 80 }] }] },
  'api/v1/pods': {
    // No selector's: a controller would adopt it, and one too many is removed.
    metadata: { labels: { app: 'alone' }, annotations: { a: 'b' } },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'example/c:1',
          command: ['a', 'b'],
          env: [
            { name: 'E', value: 'v' },
            { name: 'F', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          ],
          ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
          resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1', memory: '2Gi' } },
          livenessProbe: { httpGet: { path: '/', port: 'http' } },
          securityContext: { runAsUser: 1, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
      initContainers: [{ name: 'i', image: 'example/i', restartPolicy: 'Always' }],
      volumes: [
        { name: 'v', emptyDir: { sizeLimit: '1Gi' } },
        { name: 'w', projected: { sources: [{ configMap: { name: 'a' } }] } },
      ],
      tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
      affinity: {
        podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'h', labelSelector: selector }] },
      },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector }],
      nodeSelector: { a: 'b' },
    },
  },
  'api/v1/podtemplates': { template },
  'api/v1/replicationcontrollers': { spec: { replicas: 0, selector: labels, template } },
  'api/v1/persistentvolumeclaims': { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  'api/v1/limitranges': { spec: { limits: [{ type: 'Container', max: { cpu: '99' }, default: { cpu: '1' } }] } },
  'api/v1/resourcequotas': { spec: { hard: { 'count/x.y': '1', services: '100' } } },
  'api/v1/events': {
    involvedObject: { kind: 'Pod', name: 'a', apiVersion: 'v1', namespace: 'NAMESPACE' },
    reason: 'R',
    message: 'm',
    type: 'Normal',
    count: 1,
  },
  'apis/events.k8s.io/v1/events': {
    ...{ eventTime: at, reportingController: 'a.b/c', reportingInstance: 'i', action: 'A', reason: 'R', type: 'Normal' },
    regarding: { kind: 'Pod', name: 'a', namespace: 'NAMESPACE' },
  },
  'apis/apps/v1/deployments': { spec: { replicas: 1, selector, template, strategy: { rollingUpdate: { maxSurge: '25%' } } } },
  'apis/apps/v1/replicasets': { spec: { replicas: 1, selector, template } },
  'apis/apps/v1/daemonsets': { spec: { selector, template } },
  'apis/apps/v1/statefulsets': {
    spec: {
      ...{ serviceName: 's', replicas: 1, selector, template },
      volumeClaimTemplates: [
        { metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } } },
      ],
    },
  },
  'apis/apps/v1/controllerrevisions': { revision: 1, data: { a: 1 } },
  'apis/batch/v1/jobs': {
    spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } }, backoffLimit: 1, completions: 2 },
  },
  'apis/batch/v1/cronjobs': {
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'OnFailure' } } } },
    },
  },
  'apis/autoscaling/v2/horizontalpodautoscalers': {
    spec: {
      ...{ minReplicas: 1, maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' } },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
    },
  },
  'apis/autoscaling/v1/horizontalpodautoscalers': {
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' } },
  },
  'apis/policy/v1/poddisruptionbudgets': { spec: { minAvailable: '50%', selector } },
  'apis/networking.k8s.io/v1/ingresses': {
    spec: {
      rules: [
        {
          host: 'a.b',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
        },
      ],
    },
  },
  'apis/networking.k8s.io/v1/networkpolicies': {
    spec: {
      podSelector: selector,
      ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80 }] }],
    },
  },
  'apis/coordination.k8s.io/v1/leases': { spec: { holderIdentity: 'h', leaseDurationSeconds: 10, renewTime: at } },
  'apis/discovery.k8s.io/v1/endpointslices': {
    ...{
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
      ports: [{ name: 'h', port: 80 }],
    },
  },
  'apis/rbac.authorization.k8s.io/v1/roles': { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  'apis/rbac.authorization.k8s.io/v1/rolebindings': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' },
    subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }],
  },
  'apis/storage.k8s.io/v1/csistoragecapacities': { storageClassName: 's', capacity: '1Gi' },
  'apis/resource.k8s.io/v1/resourceclaims': {
    spec: {
      devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c', selectors: [{ cel: { expression: 'true' } }] } }] },
    },
  },
  'apis/resource.k8s.io/v1/resourceclaimtemplates': {
    spec: { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } } },
  },
  'apis/hostile.test/v1/things': {
    spec: { a: 'x', n: 1, l: [{ name: 'a', v: 1 }], m: { k: 'v' }, s: ['a', 'b'] },
    status: { ok: true },
  },
}

/** The same for kinds without a namespace. */
export const clusterObjects: Readonly<Record<string, object>> = {
  'api/v1/namespaces': { spec: { finalizers: ['kubernetes'] } },
  'api/v1/nodes': {
    spec: { podCIDR: '10.244.9.0/24', taints: [{ key: 'k', effect: 'NoSchedule' }] },
    status: { capacity: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] },
  },
  'api/v1/persistentvolumes': {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' }, storageClassName: 's' },
  },
  'apis/storage.k8s.io/v1/storageclasses': { provisioner: 'a.b/c', parameters: { a: 'b' }, allowVolumeExpansion: true },
  'apis/storage.k8s.io/v1/csidrivers': { spec: { attachRequired: true } },
  'apis/storage.k8s.io/v1/csinodes': { spec: { drivers: [{ name: 'd', nodeID: 'n', topologyKeys: ['a'] }] } },
  'apis/storage.k8s.io/v1/volumeattachments': { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'p' } } },
  'apis/scheduling.k8s.io/v1/priorityclasses': { value: 100, description: 'd' },
  'apis/node.k8s.io/v1/runtimeclasses': { handler: 'h', overhead: { podFixed: { cpu: '1m' } } },
  'apis/networking.k8s.io/v1/ingressclasses': { spec: { controller: 'a.b/c' } },
  'apis/rbac.authorization.k8s.io/v1/clusterroles': { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
  'apis/rbac.authorization.k8s.io/v1/clusterrolebindings': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'a' },
    subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }],
  },
  'apis/resource.k8s.io/v1/deviceclasses': { spec: { selectors: [{ cel: { expression: 'device.driver == "d"' } }] } },
  'apis/resource.k8s.io/v1/resourceslices': {
    spec: { driver: 'd.e', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'd0' }] },
  },
  'apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations': {
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } },
  },
  'apis/flowcontrol.apiserver.k8s.io/v1/flowschemas': {
    spec: { priorityLevelConfiguration: { name: 'catch-all' }, matchingPrecedence: 9000, rules: [] },
  },
  'apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations': {
    webhooks: [
      {
        ...{ name: 'a.b.c', clientConfig: { url: 'https://a.b/c' }, sideEffects: 'None', admissionReviewVersions: ['v1'] },
        rules: [{ apiGroups: ['x'], apiVersions: ['*'], operations: ['*'], resources: ['y'] }],
        matchConditions: [{ name: 'm', expression: 'request.name == "a"' }],
      },
    ],
  },
  'apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': {
    webhooks: [
      {
        name: 'a.b.c',
        clientConfig: { service: { name: 's', namespace: 'n' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  },
  'apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies': {
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: ['x'], apiVersions: ['*'], operations: ['CREATE'], resources: ['y'] }] },
      validations: [{ expression: 'object.spec.replicas < 5 && "(a+)+".matches("x")', messageExpression: '"m"' }],
      variables: [{ name: 'v', expression: 'has(object.spec)' }],
    },
  },
  'apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings': {
    spec: { policyName: 'a', validationActions: ['Deny'], matchResources: { namespaceSelector: selector } },
  },
  'apis/apiregistration.k8s.io/v1/apiservices': {
    metadata: { name: 'v1.x.y' },
    spec: { group: 'x.y', version: 'v1', service: { name: 's', namespace: 'n' }, groupPriorityMinimum: 1, versionPriority: 1 },
  },
  'apis/apiextensions.k8s.io/v1/customresourcedefinitions': {
    metadata: { name: 'others.hostile.test' },
    spec: {
      ...{ group: 'hostile.test', scope: 'Namespaced', names: { plural: 'others', kind: 'Other' } },
      versions: [
        {
          ...{ name: 'v1', served: true, storage: true },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  'x-kubernetes-validations': [{ rule: 'self.a.size() < 5' }],
                  properties: { a: { type: 'string', pattern: '^(a+)+$', maxLength: 9, default: 'a' } },
                },
              },
            },
          },
        },
      ],
    },
  },
}

/** A kind with a schema that says something of everything. */
export const thing = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.hostile.test' },
  spec: {
    ...{ group: 'hostile.test', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing', shortNames: ['th'] } },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true, subresources: { status: {}, scale: scalePaths() } },
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a' }],
        selectableFields: [{ jsonPath: '.spec.a' }],
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: specSchema(), status: openSchema() } } },
      },
    ],
  },
}

function scalePaths(): object {
  return { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n' }
}

function openSchema(): object {
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
}

function specSchema(): object {
  return {
    type: 'object',
    'x-kubernetes-validations': [
      { rule: 'self.n >= 0 && (!has(self.a) || self.a.size() < 100)', messageExpression: '"n is wrong"' },
      { rule: 'self.n >= oldSelf.n - 1000', fieldPath: '.n' },
    ],
    properties: {
      a: { type: 'string', pattern: '^[a-z]*$', maxLength: 200 },
      n: { type: 'integer', default: 1, maximum: 1000 },
      d: { type: 'string', format: 'date-time', nullable: true },
      q: { 'x-kubernetes-int-or-string': true },
      l: {
        ...{ type: 'array', maxItems: 100, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
        items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, v: { type: 'number' } } },
      },
      m: { type: 'object', additionalProperties: { type: 'string' } },
      s: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      e: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      o: openSchema(),
    },
  }
}
