/** ServiceAccount: every pod runs as one, and finds its token where client libraries look for it. */
import type { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { sleep } from '#lib/clock.ts'
import { type Random, suffix } from '#lib/random.ts'
import { StatusError } from '#schema/status-error.ts'
import { mirrorPodAnnotation, visitPod } from '../authz/pod-references.ts'
import { checkEphemeralSecrets, checkMountableSecrets } from './mountable-secrets.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from './plugin.ts'
import { refuse } from './refuse.ts'

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'

export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  handles: ({ operation, kind, subresource }) =>
    kind.group === '' &&
    kind.plural === 'pods' &&
    ((operation === 'CREATE' && !subresource) || (operation === 'UPDATE' && subresource === 'ephemeralcontainers')),

  async mutate(request, context) {
    if (request.operation !== 'CREATE') return
    const pod = request.object as Pod
    if (isMirror(pod)) return checkMirror(request)
    pod.spec.serviceAccountName ||= 'default'
    pod.spec.serviceAccount = pod.spec.serviceAccountName
    const account = await find(request, context)
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, context.random)
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      pod.spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }))
    }
  },

  async validate(request, context) {
    const pod = request.object as Pod
    if (request.operation === 'CREATE' && isMirror(pod)) return checkMirror(request)
    if (!pod.spec.serviceAccountName) {
      throw refuse(request, `no service account specified for pod ${request.namespace}/${pod.metadata.name}`)
    }
    const account = await find(request, context)
    if (!enforcesMountableSecrets(account)) return
    const why = request.subresource ? checkEphemeralSecrets(pod, account) : checkMountableSecrets(pod, account)
    if (why) throw refuse(request, why)
  },
}

function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorPodAnnotation] !== undefined
}

/** The kubelet deletes a mirror pod that is not what it wrote, so such a pod is not touched and may not ask for anything. */
function checkMirror(request: AdmissionRequest): void {
  const pod = request.object as Pod
  if (pod.spec.serviceAccountName) throw refuse(request, 'a mirror pod may not reference service accounts')
  if ([...visitPod(pod)].some(([type, name]) => type === 'secrets' && name)) {
    throw refuse(request, 'a mirror pod may not reference secrets')
  }
  if (pod.spec.volumes?.some(({ projected }) => projected?.sources?.some((source) => source.serviceAccountToken))) {
    throw refuse(request, 'a mirror pod may not use ServiceAccountToken volume projections')
  }
}

/** Go's `strconv.ParseBool`. */
function enforcesMountableSecrets({ metadata }: ServiceAccount): boolean {
  return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(metadata.annotations?.['kubernetes.io/enforce-mountable-secrets'] ?? '')
}

/** A namespace's `default` account is made by a controller a moment after the namespace: such a pod waits for it. */
async function find(request: AdmissionRequest, { lister, client, clock, random }: AdmissionContext): Promise<ServiceAccount> {
  const { namespace } = request
  const name = (request.object as Pod).spec.serviceAccountName as string
  const cached = lister.get(ServiceAccount, name, namespace)
  if (cached) return cached
  const attempts = name === 'default' ? 10 : 1
  const pause = 100 + Math.floor(random.next() * 100)
  const failed = (why: string) => refuse(request, `error looking up service account ${namespace}/${name}: ${why}`)
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await sleep(clock, pause)
    try {
      return await client.get(ServiceAccount, { name, namespace })
    } catch (error) {
      if (!(error instanceof StatusError && error.reason === 'NotFound')) throw failed((error as Error).message)
    }
  }
  throw failed(`serviceaccount ${JSON.stringify(name)} not found`)
}

/** A container that mounts something of its own at the path is left alone; the volume is added only if somebody mounts it. */
function mountToken({ spec }: Pod, random: Random): void {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix))
  const name = existing?.name ?? `${volumePrefix}${suffix(random)}`
  let isMounted = false
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
    isMounted = true
  }
  if (isMounted && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

/** 3607 seconds, and not an hour, tell the server that nobody chose this lifetime. */
function tokenVolume(name: string): NonNullable<Pod['spec']['volumes']>[number] {
  const namespace = { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [namespace] } },
      ],
    },
  }
}
