/** Health checks under upstream's names: what a server does after it has begun to listen. */
import type { HealthCheck } from './health.ts'

export interface StartState {
  /** The first objects are there, and the caches filled. */
  readonly isReady: boolean
  /** No new requests are wanted. */
  readonly isStopping: boolean
}

/** Done when the server begins to answer: its caches are filled before. */
const atOnce = [
  'start-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-service-ip-repair-controllers',
  'priority-and-fairness-config-producer',
  'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
  'apiservice-openapiv3-controller',
]
/** Done when the objects that every cluster has are there. */
const withObjects = [
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'start-system-namespaces-controller',
  'bootstrap-controller',
  'start-cluster-authentication-info-controller',
  'start-legacy-token-tracking-controller',
  'start-kubernetes-service-cidr-controller',
]

export function postStartHooks(state: StartState): readonly HealthCheck[] {
  const both = ['livez', 'readyz'] as const
  const hook = (name: string, check: () => string | undefined): HealthCheck => ({
    name: `poststarthook/${name}`,
    for: both,
    check,
  })
  return [
    ...atOnce.map((name) => hook(name, () => undefined)),
    ...withObjects.map((name) => hook(name, () => (state.isReady || state.isStopping ? undefined : 'not finished'))),
    { name: 'autoregister-completion', for: both, check: () => undefined },
    { name: 'informer-sync', for: ['readyz'], check: () => undefined },
    { name: 'shutdown', for: ['readyz'], check: () => (state.isStopping ? 'process is shutting down' : undefined) },
  ]
}
