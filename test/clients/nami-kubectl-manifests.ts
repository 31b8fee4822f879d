/** The files that the comparison of the two kubectls hands to both. */

const app = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          args: ["<a>", "&b"]
          ports: [{name: http, containerPort: 80}]
          resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 100m}}
          env: [{name: A, value: "1"}, {name: B, valueFrom: {configMapKeyRef: {name: settings, key: color}}}]
          readinessProbe: {httpGet: {path: /, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: single, labels: {app: web, tier: a}, annotations: {note: hello}}
spec:
  containers:
    - {name: one, image: nginx, livenessProbe: {tcpSocket: {port: 80}}, volumeMounts: [{name: scratch, mountPath: /scratch}]}
    - {name: two, image: busybox, env: [{name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}
  volumes: [{name: scratch, emptyDir: {}}, {name: login, secret: {secretName: login}}]
  nodeSelector: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {color: blue, text: "a\\nb\\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: login, labels: {app: web}}
stringData: {password: geheim}
`

const configMap = (name: string, rest = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}${rest}}\n`

export const manifests: Readonly<Record<string, string>> = {
  'app.yaml': app,
  'changed.yaml': app
    .replace('replicas: 2', 'replicas: 3')
    .replace('color: blue, ', '')
    .replace('image: nginx\n', 'image: nginx:2\n'),
  'folder/a.yaml': configMap('a'),
  'folder/b.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"x":"<>&"}}',
  'folder/below/c.yml': configMap('c'),
  'folder/notes.txt': 'not a manifest',
  'elsewhere.yaml': configMap('q', ', namespace: other'),
  'wrong.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n',
  'unknown-kind.yaml': 'apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n',
  'unknown-field.yaml': `${configMap('u')}dat: {a: b}\n`,
  'immutable.yaml': app.split('---')[0]?.replaceAll('app: web', 'app: other') ?? '',
  'vars.env': '# a comment\nA=1\nB=two words\n',
  'node.yaml':
    'apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {node-role.kubernetes.io/worker: ""}}\nspec: {taints: [{key: a, value: b, effect: PreferNoSchedule}]}\n',
  'node-status.json': JSON.stringify({
    status: {
      capacity: { cpu: '4', memory: '8Gi', pods: '110' },
      allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    },
  }),
  'pod-status.json': JSON.stringify({
    status: {
      phase: 'Running',
      podIP: '10.244.0.5',
      podIPs: [{ ip: '10.244.0.5' }],
      hostIP: '10.0.0.1',
      startTime: '2026-01-01T00:00:00Z',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      containerStatuses: [
        {
          name: 'one',
          image: 'nginx',
          imageID: 'x@sha256:1',
          containerID: 'containerd://1',
          ready: true,
          restartCount: 2,
          state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
          lastState: {
            terminated: {
              exitCode: 137,
              reason: 'OOMKilled',
              startedAt: '2026-01-01T00:00:00Z',
              finishedAt: '2026-01-01T00:00:01Z',
            },
          },
        },
        {
          name: 'two',
          image: 'busybox',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: 'ImagePullBackOff' } },
        },
      ],
    },
  }),
}
