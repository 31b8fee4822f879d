/** Review apps: a namespace of their own, and the staging file with that namespace forced into every object. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { toYaml } from '#schema/yaml.ts'
import { environmentName, secretsName } from './environment/pin.ts'
import { nextValues } from './environment/releases.ts'
import { requireFile } from './project/find-file.ts'
import { deploymentsOf, type Manifest, parseManifests } from './project/manifests.ts'
import type { Project } from './project/project.ts'
import { renderFile } from './project/template.ts'
import { WorkflowError } from './workflow-error.ts'

export interface ReviewOptions {
  readonly name: string
  readonly source: string | undefined
  readonly cwd: string
}

/** Writes `hokusai/NAME.yml`; answers its path. The staging image's tag becomes the review app's. */
export function writeReviewFile(project: Project, { name, source, cwd }: ReviewOptions): { path: string; manifests: Manifest[] } {
  const file = requireFile(project.folder, 'staging', { given: source, cwd })
  const text = renderFile(file, { root: project.folder, variables: project.variables, cwd })
  const manifests = parseManifests(text, file, name).map(({ kind, object }) => {
    const metadata = { ...object.metadata, ...(kind.namespaced && { namespace: name }) }
    return { kind, object: withTag({ ...object, metadata }, project.repository, name) as KubeObject }
  })
  const path = join(project.folder, `${name}.yml`)
  const body = manifests.map(({ object }) => `---\n${toYaml(object)}`).join('')
  writeFileSync(path, body)
  return { path, manifests }
}

function withTag(value: unknown, repository: string, tag: string): unknown {
  if (Array.isArray(value)) return value.map((one) => withTag(one, repository, tag))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'image' && inner === `${repository}:staging` ? `${repository}:${tag}` : withTag(inner, repository, tag),
    ]),
  )
}

/** What would lose its file to a review app of that name. */
const reserved = /^(staging|production|development|test|build|config)$/

/** Throws for names that are something else's: of the project's other files, or of namespaces that nobody made for a review app. */
export function checkReviewName(name: string): void {
  if (!reserved.test(name)) return
  throw new WorkflowError(`${JSON.stringify(name)} cannot be a review app: hokusai/${name}.yml is something else.`, {
    next: ['nami review_app setup feature-1'],
    exitCode: 2,
  })
}

const labelsOf = (project: { readonly name: string }) => ({ 'app-name': project.name, 'app-phase': 'review' })

/** Throws where the namespace is there and belongs to anything but this project's review app. */
export async function checkReviewNamespace(client: Client, project: { readonly name: string }, name: string): Promise<void> {
  const found = await client.get(Namespace, { name }).catch(absent)
  const { labels } = found?.metadata ?? {}
  if (!found || Object.entries(labelsOf(project)).every(([key, value]) => labels?.[key] === value)) return
  throw new WorkflowError(`The namespace ${name} is there already, and is no review app of ${project.name}.`, {
    next: ['Take another name', `Or label it: nami kubectl label namespace ${name} app-name=${project.name} app-phase=review`],
  })
}

export interface ReviewSetup {
  readonly name: string
  /** Namespace of staging. */
  readonly from: string
  readonly manifests: readonly Manifest[]
}

/** Makes the namespace, and copies into it what the Deployments name, and staging's values. Answers what was copied, and what was not. */
export async function setUpReview(
  client: Client,
  project: Project,
  { name, from, manifests }: ReviewSetup,
): Promise<{ readonly copied: readonly string[]; readonly missing: readonly string[] }> {
  await checkReviewNamespace(client, project, name)
  await client.create(Namespace, { metadata: { name, labels: labelsOf(project) } }).catch(unlessItExists)
  const { configMaps, accounts, secrets } = namesIn(project, manifests)
  const outcomes = new Map<string, boolean>()
  for (const one of configMaps) outcomes.set(`configmap/${one}`, await copyConfigMap(client, one, { from, to: name }))
  for (const one of accounts) outcomes.set(`serviceaccount/${one}`, await copyAccount(client, one, { from, to: name }))
  // Those of others are theirs to give.
  for (const one of secrets) outcomes.set(`secret/${one}`, false)
  const { secret } = await nextValues({ client, namespace: from, project })
  if (Object.keys(secret).length > 0) {
    await writeSecrets(client, { name: secretsName(project.name), namespace: name }, secret)
    outcomes.set(`secret/${secretsName(project.name)}`, true)
  }
  const those = (was: boolean) => [...outcomes].filter(([, isCopied]) => isCopied === was).map(([one]) => one)
  return { copied: those(true), missing: those(false) }
}

async function writeSecrets(client: Client, at: { name: string; namespace: string }, values: Readonly<Record<string, string>>) {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
  await client.create(Secret, { metadata: at, type: 'Opaque', data } as never).catch(async (error) => {
    unlessItExists(error)
    await client.patch(Secret, at, { type: 'merge', body: { data } })
  })
}

/** Of containers and init containers, and of volumes. Pure. */
export function namesIn(
  project: { readonly name: string },
  manifests: readonly Manifest[],
): { configMaps: string[]; accounts: string[]; secrets: string[] } {
  const own = new Set(manifests.map(({ kind, object }) => `${kind.kind}/${object.metadata.name}`))
  const specs = deploymentsOf(manifests).map(({ spec }) => spec.template.spec as any)
  const containers = specs.flatMap((spec) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])])
  const sources = containers.flatMap(({ envFrom = [], env = [] }) => [...envFrom, ...env.map((one: any) => one.valueFrom ?? {})])
  const volumes = specs.flatMap((spec) => spec?.volumes ?? [])
  const named = (kind: string, names: readonly unknown[]) => {
    return [...new Set(names.filter((one): one is string => typeof one === 'string' && !own.has(`${kind}/${one}`)))]
  }
  return {
    configMaps: named('ConfigMap', [
      environmentName(project.name),
      ...sources.map((source: any) => (source.configMapRef ?? source.configMapKeyRef)?.name),
      ...volumes.map((volume: any) => volume.configMap?.name),
    ]),
    accounts: named(
      'ServiceAccount',
      specs.map((spec) => spec?.serviceAccountName),
    ).filter((one) => one !== 'default'),
    secrets: named('Secret', [
      ...sources.map((source: any) => (source.secretRef ?? source.secretKeyRef)?.name),
      ...volumes.map((volume: any) => volume.secret?.secretName),
    ]).filter((one) => one !== secretsName(project.name)),
  }
}

type Way = { readonly from: string; readonly to: string }

export async function copyConfigMap(client: Client, name: string, { from, to }: Way): Promise<boolean> {
  const source = await client.get(ConfigMap, { name, namespace: from }).catch(absent)
  if (!source) return false
  const { labels } = source.metadata
  const metadata = { name, namespace: to, ...(labels && { labels }) }
  const { data, binaryData } = source
  await client
    .create(ConfigMap, { metadata, ...(data && { data }), ...(binaryData && { binaryData }) } as never)
    .catch(async (error) => {
      unlessItExists(error)
      await client.patch(ConfigMap, metadata, { type: 'merge', body: { data } })
    })
  return true
}

async function copyAccount(client: Client, name: string, { from, to }: Way): Promise<boolean> {
  const source = await client.get(ServiceAccount, { name, namespace: from }).catch(absent)
  if (!source) return false
  const { imagePullSecrets, metadata } = source
  const { annotations, labels } = metadata
  const draft = { metadata: { name, namespace: to, annotations, labels }, ...(imagePullSecrets && { imagePullSecrets }) }
  await client.create(ServiceAccount, draft as never).catch(unlessItExists)
  return true
}

/** Names of the review apps of the project on this cluster. */
export async function listReviews(client: Client, project: { readonly name: string }): Promise<readonly string[]> {
  const { items } = await client.list(Namespace, { labelSelector: `app-name=${project.name},app-phase=review` })
  return items.map(({ metadata }) => metadata.name)
}

function absent(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}

function unlessItExists(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists')) throw error
}
