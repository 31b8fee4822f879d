/** ImagePolicyWebhook: asks a webhook whether images may run (`imagepolicy.k8s.io/v1alpha1`, upstream `plugin/pkg/admission/imagepolicy`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { parseYaml } from '#schema/yaml.ts'
import { callWebhook } from '../../webhook-call.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'

interface ImagePolicy {
  readonly kubeConfigFile: string
  /** Seconds that an answer is good for. */
  readonly allowTTL?: number
  readonly denyTTL?: number
  readonly defaultAllow?: boolean
}

interface Backend {
  readonly url: string
  readonly caBundle: string | undefined
  readonly identity: { readonly cert: string; readonly key: string } | undefined
}

interface Review {
  readonly allowed: boolean
  readonly reason?: string
  readonly auditAnnotations?: Readonly<Record<string, string>>
}

const timeout = 30_000
const mostRemembered = 1024

/** `configuration` has an `imagePolicy`; its kubeconfig says where the webhook is. */
export function imagePolicyWebhookWith(
  configuration: { readonly imagePolicy?: ImagePolicy } | undefined,
  readFile: (path: string) => string = () => '',
): AdmissionPlugin {
  const policy = configuration?.imagePolicy
  if (!policy) throw new Error('no config specified')
  const backend = backendOf(policy.kubeConfigFile, readFile)
  const known = new Map<string, { readonly review: Review; readonly until: number }>()
  const ask = async (spec: object, { clock }: AdmissionContext): Promise<Review> => {
    const key = JSON.stringify(spec)
    const last = known.get(key)
    if (last && last.until > clock.now()) return last.review
    const body = { apiVersion: 'imagepolicy.k8s.io/v1alpha1', kind: 'ImageReview', spec }
    const { status } = (await callWebhook({ ...backend, body, serviceDialer: undefined, timeout })) as { status: Review }
    const seconds = (status.allowed ? policy.allowTTL : policy.denyTTL) ?? 0
    known.set(key, { review: status, until: clock.now() + seconds * 1000 })
    if (known.size > mostRemembered) known.delete(known.keys().next().value as string)
    return status
  }
  return {
    name: 'ImagePolicyWebhook',
    handles,
    async validate(request, context) {
      let review: Review
      try {
        review = await ask(specOf(request), context)
      } catch (error) {
        if (!policy.defaultAllow) throw refuse(request, (error as Error).message)
        return request.annotate?.('imagepolicywebhook.image-policy.k8s.io/failed-open', 'true')
      }
      for (const [key, value] of Object.entries(review.auditAnnotations ?? {})) {
        request.annotate?.(`imagepolicywebhook.image-policy.k8s.io/${key}`, value)
      }
      if (review.allowed) return
      const denied = 'image policy webhook backend denied one or more images'
      throw refuse(request, review.reason ? `${denied}: ${review.reason}` : denied)
    },
  }
}

function handles({ operation, kind, subresource }: AdmissionRequest): boolean {
  const isPart = subresource === '' || subresource === 'ephemeralcontainers'
  return kind.plural === 'pods' && kind.group === '' && isPart && (operation === 'CREATE' || operation === 'UPDATE')
}

function specOf({ object, namespace, subresource }: AdmissionRequest): object {
  const { metadata, spec } = object as Pod
  const ephemeral = spec.ephemeralContainers ?? []
  const containers = subresource ? ephemeral : [...spec.containers, ...(spec.initContainers ?? []), ...ephemeral]
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.includes('.image-policy.k8s.io/'))
  return {
    containers: containers.map(({ image }) => ({ image })),
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    namespace,
  }
}

/** The current context of a kubeconfig; only certificates identify the API server to the webhook. */
function backendOf(path: string, readFile: (path: string) => string): Backend {
  const config = parseYaml(readFile(path))[0]?.value as any
  const named = (list: any[] | undefined, name: string) => list?.find((entry) => entry.name === name)
  const context = named(config?.contexts, config?.['current-context'] ?? '')?.context
  const cluster = named(config?.clusters, context?.cluster)?.cluster
  if (!cluster?.server) throw new Error('invalid configuration: no configuration has been provided')
  const user = named(config.users, context.user)?.user ?? {}
  const pem = (entry: any, field: string): string | undefined => {
    const data = entry[`${field}-data`]
    return data ? Buffer.from(data, 'base64').toString('utf8') : entry[field] && readFile(entry[field])
  }
  const [ca, cert, key] = [pem(cluster, 'certificate-authority'), pem(user, 'client-certificate'), pem(user, 'client-key')]
  return {
    url: cluster.server,
    caBundle: ca && Buffer.from(ca).toString('base64'),
    identity: cert && key ? { cert, key } : undefined,
  }
}
