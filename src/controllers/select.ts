/** `--controllers`: which of them run (upstream `controller-manager/app.IsControllerEnabled`, `names/controller_names.go`). */
import type { Controller } from './runtime/controller.ts'

/** Run only where they are named. */
export const offByDefault: ReadonlySet<string> = new Set(['bootstrap-signer-controller', 'token-cleaner-controller'])

/** Known upstream and named in lists, but without work here: there is no cloud provider, and their gates are off. */
const idle: ReadonlySet<string> = new Set([
  'service-lb-controller',
  'node-route-controller',
  'cloud-node-lifecycle-controller',
  'storageversion-garbage-collector-controller',
  'selinux-warning-controller',
])

/** What they were called before upstream made their names alike. */
const aliases: Readonly<Record<string, string>> = {
  'serviceaccount-token': 'serviceaccount-token-controller',
  endpoint: 'endpoints-controller',
  endpointslicemirroring: 'endpointslice-mirroring-controller',
  podgc: 'pod-garbage-collector-controller',
  garbagecollector: 'garbage-collector-controller',
  horizontalpodautoscaling: 'horizontal-pod-autoscaler-controller',
  csrsigning: 'certificatesigningrequest-signing-controller',
  csrapproving: 'certificatesigningrequest-approving-controller',
  csrcleaner: 'certificatesigningrequest-cleaner-controller',
  bootstrapsigner: 'bootstrap-signer-controller',
  tokencleaner: 'token-cleaner-controller',
  nodeipam: 'node-ipam-controller',
  nodelifecycle: 'node-lifecycle-controller',
  attachdetach: 'persistentvolume-attach-detach-controller',
  'pvc-protection': 'persistentvolumeclaim-protection-controller',
  'pv-protection': 'persistentvolume-protection-controller',
  'root-ca-cert-publisher': 'root-ca-certificate-publisher-controller',
  'legacy-service-account-token-cleaner': 'legacy-serviceaccount-token-cleaner-controller',
  'resource-claim-controller': 'resourceclaim-controller',
  service: 'service-lb-controller',
  route: 'node-route-controller',
  'storage-version-gc': 'storageversion-garbage-collector-controller',
  svm: 'storage-version-migrator-controller',
}

/** Those that a list such as `*,-deployment-controller` asks for; throws on a name that nobody has. `known` are further names. */
export function selectControllers(
  controllers: readonly Controller[],
  list: readonly string[],
  known: ReadonlySet<string> = new Set(),
): readonly Controller[] {
  const names = new Set([...controllers.map(({ name }) => name), ...idle, ...known])
  const wanted = list.filter(Boolean).map((item) => {
    const isOff = item.startsWith('-')
    const name = fullName(isOff ? item.slice(1) : item, names)
    if (item !== '*' && !names.has(name)) throw new Error(`${JSON.stringify(item)} is not in the list of known controllers`)
    return { name, isOff }
  })
  const hasStar = wanted.some(({ name }) => name === '*')
  return controllers.filter(({ name }) => {
    const own = wanted.find((item) => item.name === name)
    return own ? !own.isOff : hasStar && !offByDefault.has(name)
  })
}

/** `deployment` is as good as `deployment-controller`. */
function fullName(given: string, names: ReadonlySet<string>): string {
  if (names.has(given)) return given
  return aliases[given] ?? (names.has(`${given}-controller`) ? `${given}-controller` : given)
}
