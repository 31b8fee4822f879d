/** Who would feel a change of an object: every workload, in every namespace, that names it. */
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { Ingress } from '#api/networking/v1/ingress.ts'
import type { Client } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { WorkflowError } from '../workflow-error.ts'
import { callersOf } from './uses-service.ts'

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
  volumes: 'claim',
  persistentvolume: 'volume',
  pv: 'volume',
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
      next: [
        'Kinds: configmap, secret, serviceaccount, persistentvolumeclaim, persistentvolume, image, node, priorityclass, service',
      ],
      exitCode: 2,
    })
  }
  return { what: words[word as keyof typeof words], name: text.slice(at + 1), namespace }
}

/** In the order of namespace, kind and name. Pods and ReplicaSets that something else made are told by what made them. */
export async function usersOf(client: Client, question: Question): Promise<User[]> {
  const { namespace } = question
  if (question.what === 'volume') return usersOfVolume(client, question.name)
  const found = await Promise.all(
    workloads.map(async ({ kind, podOf }) => {
      const { items } = await client.list(kind, { namespace })
      return items.flatMap((object) => userOf(object, podOf(object as any), { kind: kind.kind, question }))
    }),
  )
  const others: User[] = []
  if (question.what === 'secret') others.push(...(await ingressesOf(client, question)), ...(await accountsOf(client, question)))
  if (question.what === 'service') others.push(...(await ingressesOf(client, question)), ...(await callersOf(client, question)))
  return [...found.flat(), ...others].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Those of the claim that has it. */
async function usersOfVolume(client: Client, name: string): Promise<User[]> {
  const volume = await client.get(PersistentVolume, { name })
  const claim = volume.spec.claimRef
  if (!claim?.name) return []
  return usersOf(client, { what: 'claim', name: claim.name, namespace: claim.namespace })
}

const keyOf = ({ namespace, kind, name }: User) => `${namespace}\0${kind}\0${name}`

export const workloads: readonly { kind: Kind<string, any>; podOf: (object: any) => Pod['spec'] | undefined }[] = [
  { kind: Deployment, podOf: ({ spec }) => spec.template?.spec },
  { kind: StatefulSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: DaemonSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: ReplicaSet, podOf: ({ spec }) => spec.template?.spec },
  { kind: ReplicationController, podOf: ({ spec }) => spec.template?.spec },
  { kind: Job, podOf: ({ spec }) => spec.template?.spec },
  { kind: CronJob, podOf: ({ spec }) => spec.jobTemplate?.spec?.template?.spec },
  { kind: Pod, podOf: ({ spec }) => spec },
]

const told = new Set(workloads.map(({ kind }) => kind.kind))

function userOf(
  object: KubeObject,
  spec: Pod['spec'] | undefined,
  { kind, question }: { kind: string; question: Question },
): User[] {
  const { metadata } = object
  // On a node there are pods, whoever made them; and whoever is not among these kinds, what it made stands for it.
  const isMade = metadata.ownerReferences?.some((owner) => owner.controller && told.has(owner.kind))
  if ((isMade && question.what !== 'node') || !spec) return []
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
        ...volumesOf(pod, (volume) => sourcesOf(volume).some(({ configMap }) => isName(configMap?.name, name))),
      ]
    case 'secret':
      return [
        ...containers.flatMap((one) => variablesOf(one, name, ['secretRef', 'secretKeyRef'])),
        ...volumesOf(pod, (volume) => sourcesOf(volume).some(({ secret }) => isName(secret?.secretName ?? secret?.name, name))),
        ...((pod.imagePullSecrets ?? []).some((one: any) => one.name === name) ? ['pulls its images with it'] : []),
      ]
    default:
      return []
  }
}

/** The object itself, or what a release of the workflow wrote of it: `web-environment-v3` is of `web-environment`. */
function isName(found: string | undefined, name: string): boolean {
  return found === name || (found?.startsWith(`${name}-v`) === true && /^\d+$/.test(found.slice(name.length + 2)))
}

/** With its registry or without, with a tag or without. */
function isImage(image: string | undefined, name: string): boolean {
  if (!image) return false
  const bare = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  return [image, image.replace(/@.*$/, ''), bare].some((one) => one === name || one.endsWith(`/${name}`))
}

function variablesOf(container: any, name: string, [whole, single]: readonly [string, string]): string[] {
  const all = (container.envFrom ?? []).some((source: any) => isName(source[whole]?.name, name))
  const some = (container.env ?? []).filter(({ valueFrom }: any) => isName(valueFrom?.[single]?.name, name))
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

async function accountsOf(client: Client, { name, namespace }: Question): Promise<User[]> {
  const { items } = await client.list(ServiceAccount, { namespace })
  const using = items.filter((one) => one.imagePullSecrets?.some((secret) => secret.name === name))
  return using.map(({ metadata }) => {
    const { name: own, namespace: place = '', labels = {} } = metadata
    return { kind: 'ServiceAccount', namespace: place, name: own, labels, how: ['its pods pull images with it'] }
  })
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
