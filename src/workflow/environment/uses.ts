/** Who would feel a change of an object: every workload, in every namespace, that names it. */
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Ingress } from '#api/networking/v1/ingress.ts'
import type { Client } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { WorkflowError } from '../workflow-error.ts'

/** What may be asked about, by every word that people have for it. */
const words = {
  configmap: 'configmap',
  configmaps: 'configmap',
  cm: 'configmap',
  secret: 'secret',
  secrets: 'secret',
  persistentvolumeclaim: 'claim',
  persistentvolumeclaims: 'claim',
  pvc: 'claim',
  volume: 'claim',
  serviceaccount: 'account',
  serviceaccounts: 'account',
  sa: 'account',
  image: 'image',
  images: 'image',
  node: 'node',
  nodes: 'node',
  no: 'node',
  priorityclass: 'priority',
  pc: 'priority',
  service: 'service',
  svc: 'service',
} as const
type Asked = (typeof words)[keyof typeof words]

export interface Question {
  readonly what: Asked
  readonly name: string
  /** Absent: every namespace. */
  readonly namespace?: string | undefined
}

export interface User {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** `envFrom of container web`, `volume config`. */
  readonly how: readonly string[]
}

/** `configmap/web-env`; image names may hold slashes themselves. */
export function parseQuestion(text: string, namespace?: string): Question {
  const at = text.indexOf('/')
  const word = text.slice(0, at).toLowerCase()
  if (at < 1 || at === text.length - 1 || !Object.hasOwn(words, word)) {
    throw new WorkflowError(`${JSON.stringify(text)}: ask about KIND/NAME, such as configmap/web-env.`, {
      next: [`Kinds: ${[...new Set(Object.keys(words))].join(', ')}`],
      exitCode: 2,
    })
  }
  return { what: words[word as keyof typeof words], name: text.slice(at + 1), namespace }
}

/** In the order of namespace, kind and name. Pods and ReplicaSets that something else made are told by what made them. */
export async function usersOf(client: Client, question: Question): Promise<User[]> {
  const { namespace } = question
  const found = await Promise.all(
    workloads.map(async ({ kind, podOf }) => {
      const { items } = await client.list(kind, { namespace })
      return items.flatMap((object) => userOf(object, podOf(object as any), { kind: kind.kind, question }))
    }),
  )
  const ingresses = question.what === 'secret' || question.what === 'service' ? await ingressesOf(client, question) : []
  return [...found.flat(), ...ingresses].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

const keyOf = ({ namespace, kind, name }: User) => `${namespace}\0${kind}\0${name}`

const workloads: readonly { kind: Kind<string, any>; podOf: (object: any) => Pod['spec'] | undefined }[] = [
  { kind: Deployment, podOf: ({ spec }) => spec.template?.spec },
  { kind: StatefulSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: DaemonSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: ReplicaSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: Job, podOf: ({ spec }) => spec.template?.spec },
  { kind: CronJob, podOf: ({ spec }) => spec.jobTemplate?.spec?.template?.spec },
  { kind: Pod, podOf: ({ spec }) => spec },
]

function userOf(
  object: KubeObject,
  spec: Pod['spec'] | undefined,
  { kind, question }: { kind: string; question: Question },
): User[] {
  const { metadata } = object
  // On a node there are pods, whoever made them.
  const isMade = question.what !== 'node' && metadata.ownerReferences?.some(({ controller }) => controller)
  if (isMade || !spec) return []
  const how = waysOf(spec, question)
  const { namespace = '', name, labels = {} } = metadata
  return how.length > 0 ? [{ kind, namespace, name, labels, how }] : []
}

/** How a pod of this spec uses what is asked about. Pure. */
export function waysOf(spec: Pod['spec'], { what, name }: Question): string[] {
  const pod = spec as any
  const containers = [...(pod.initContainers ?? []), ...(pod.containers ?? []), ...(pod.ephemeralContainers ?? [])]
  switch (what) {
    case 'node':
      return pod.nodeName === name ? ['runs there'] : []
    case 'account':
      return (pod.serviceAccountName ?? 'default') === name ? ['runs as it'] : []
    case 'priority':
      return pod.priorityClassName === name ? ['has its priority'] : []
    case 'image':
      return containers.filter(({ image }) => isImage(image, name)).map((one) => `container ${one.name}`)
    case 'claim':
      return volumesOf(pod, (volume) => volume.persistentVolumeClaim?.claimName === name)
    case 'configmap':
      return [
        ...containers.flatMap((one) => variablesOf(one, name, ['configMapRef', 'configMapKeyRef'])),
        ...volumesOf(pod, (volume) => sourcesOf(volume).some(({ configMap }) => configMap?.name === name)),
      ]
    case 'secret':
      return [
        ...containers.flatMap((one) => variablesOf(one, name, ['secretRef', 'secretKeyRef'])),
        ...volumesOf(pod, (volume) => sourcesOf(volume).some(({ secret }) => (secret?.secretName ?? secret?.name) === name)),
        ...((pod.imagePullSecrets ?? []).some((one: any) => one.name === name) ? ['pulls its images with it'] : []),
      ]
    default:
      return []
  }
}

function isImage(image: string | undefined, name: string): boolean {
  return image === name || (image?.startsWith(name) === true && /^[:@]/.test(image.slice(name.length)))
}

function variablesOf(container: any, name: string, [whole, single]: readonly [string, string]): string[] {
  const all = (container.envFrom ?? []).some((source: any) => source[whole]?.name === name)
  const some = (container.env ?? []).filter(({ valueFrom }: any) => valueFrom?.[single]?.name === name)
  return [
    ...(all ? [`all variables of container ${container.name}`] : []),
    ...some.map((one: any) => `variable ${one.name} of container ${container.name}`),
  ]
}

function volumesOf(pod: any, matches: (volume: any) => boolean): string[] {
  return (pod.volumes ?? []).filter(matches).map(({ name }: any) => `volume ${name}`)
}

function sourcesOf(volume: any): any[] {
  return [volume, ...(volume.projected?.sources ?? [])]
}

async function ingressesOf(client: Client, { what, name, namespace }: Question): Promise<User[]> {
  const { items } = await client.list(Ingress, { namespace })
  return items.flatMap(({ metadata, spec }) => {
    const { tls = [], rules = [], defaultBackend } = (spec ?? {}) as any
    const backends = [{ backend: defaultBackend }, ...rules.flatMap(({ http }: any) => http?.paths ?? [])]
    const uses =
      what === 'secret'
        ? tls.some((one: any) => one.secretName === name)
        : backends.some((one) => one.backend?.service?.name === name)
    if (!uses) return []
    const how = [what === 'secret' ? 'TLS certificate' : 'sends requests to it']
    return [{ kind: 'Ingress', namespace: metadata.namespace ?? '', name: metadata.name, labels: metadata.labels ?? {}, how }]
  })
}

/** A table of them. */
export function userLines(users: readonly User[]): string[] {
  const rows = users.map(({ namespace, kind, name, how }) => [namespace, `${kind.toLowerCase()}/${name}`, how.join(', ')])
  const all = [['NAMESPACE', 'WORKLOAD', 'HOW'], ...rows]
  const width = (column: number) => Math.max(...all.map((row) => row[column]?.length ?? 0))
  return all.map(([a = '', b = '', c = '']) => `${a.padEnd(width(0))}  ${b.padEnd(width(1))}  ${c}`)
}
