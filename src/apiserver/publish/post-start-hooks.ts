/** Health checks under upstream's names: what a server does after it has begun to listen. */
import { defaultGates, type FeatureGates } from '#api/feature-gates.ts'
import type { HealthCheck } from './health.ts'

export interface StartState {
  /** The first objects are there, and the caches filled. */
  readonly isReady: boolean
  /** No new requests are wanted. */
  readonly isStopping: boolean
}

interface Hook {
  readonly name: string
  /** Done when the objects that every cluster has are there; the others are when the server begins to answer: its caches are filled before. */
  readonly makesObjects?: boolean
  readonly gate?: string
}

/** In upstream's order, in which `/readyz?verbose` tells of them. */
const hooks: readonly Hook[] = [
  { name: 'start-apiserver-admission-initializer' },
  { name: 'generic-apiserver-start-informers' },
  { name: 'priority-and-fairness-config-consumer' },
  { name: 'priority-and-fairness-filter' },
  { name: 'storage-object-count-tracker-hook' },
  { name: 'start-apiextensions-informers' },
  { name: 'start-apiextensions-controllers' },
  { name: 'crd-informer-synced' },
  { name: 'start-system-namespaces-controller', makesObjects: true },
  { name: 'start-cluster-authentication-info-controller', makesObjects: true },
  { name: 'start-kube-apiserver-identity-lease-controller', gate: 'APIServerIdentity' },
  { name: 'start-kube-apiserver-identity-lease-garbage-collector', gate: 'APIServerIdentity' },
  { name: 'storage-readiness', gate: 'WatchCacheInitializationPostStartHook' },
  { name: 'start-legacy-token-tracking-controller', makesObjects: true },
  { name: 'start-service-ip-repair-controllers' },
  { name: 'rbac/bootstrap-roles', makesObjects: true },
  { name: 'scheduling/bootstrap-system-priority-classes', makesObjects: true },
  { name: 'priority-and-fairness-config-producer' },
  { name: 'bootstrap-controller', makesObjects: true },
  { name: 'start-kubernetes-service-cidr-controller', makesObjects: true },
  { name: 'aggregator-reload-proxy-client-cert' },
  { name: 'start-kube-aggregator-informers' },
  { name: 'apiservice-status-local-available-controller' },
  { name: 'apiservice-status-remote-available-controller' },
  { name: 'apiservice-registration-controller' },
  { name: 'apiservice-discovery-controller' },
  { name: 'kube-apiserver-autoregistration' },
  { name: 'autoregister-completion' },
  { name: 'apiservice-openapi-controller' },
  { name: 'apiservice-openapiv3-controller' },
]

export function postStartHooks(state: StartState, gates: FeatureGates = defaultGates): readonly HealthCheck[] {
  const both = ['livez', 'readyz'] as const
  const done = () => undefined
  const made = () => (state.isReady || state.isStopping ? undefined : 'not finished')
  return [
    { name: 'informer-sync', for: ['readyz'], check: done },
    ...hooks
      .filter(({ gate }) => gate === undefined || gates.isOn(gate))
      .map(({ name, makesObjects }) => ({
        // Not a hook, but told of among them.
        name: name === 'autoregister-completion' ? name : `poststarthook/${name}`,
        for: both,
        check: makesObjects ? made : done,
      })),
    { name: 'shutdown', for: ['readyz'], check: () => (state.isStopping ? 'process is shutting down' : undefined) },
  ]
}
