/** Review apps: a namespace of their own, and the staging file with that namespace forced into every object. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import { toYaml } from '#schema/yaml.ts'
import { environmentName } from './environment/pin.ts'
import { requireFile } from './project/find-file.ts'
import { deploymentsOf, type Manifest, parseManifests } from './project/manifests.ts'
import type { Project } from './project/project.ts'
import { renderFile } from './project/template.ts'

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
  // What is written is read as a template again.
  writeFileSync(path, /\{[{%#]/.test(body) ? `{% raw %}\n${body}{% endraw %}\n` : body)
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

/** Makes the namespace, and copies into it the ConfigMaps and ServiceAccounts that the Deployments name. Answers what was copied. */
export async function setUpReview(
  client: Client,
  project: Project,
  { name, from, manifests }: { name: string; from: string; manifests: readonly Manifest[] },
): Promise<readonly string[]> {
  const labels = { 'app-name': project.name, 'app-phase': 'review' }
  await client.create(Namespace, { metadata: { name, labels } }).catch(unlessItExists)
  const { configMaps, accounts } = namesIn(project, manifests)
  const copied: string[] = []
  for (const one of configMaps) if (await copyConfigMap(client, one, { from, to: name })) copied.push(`configmap/${one}`)
  for (const one of accounts) if (await copyAccount(client, one, { from, to: name })) copied.push(`serviceaccount/${one}`)
  return copied
}

/** Of containers and init containers. Pure. */
export function namesIn(
  project: { readonly name: string },
  manifests: readonly Manifest[],
): { configMaps: string[]; accounts: string[] } {
  const specs = deploymentsOf(manifests).map(({ spec }) => spec.template.spec as any)
  const containers = specs.flatMap((spec) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])])
  const configMaps = containers.flatMap(({ envFrom = [] }) =>
    envFrom.map((source: any) => source.configMapRef?.name).filter(Boolean),
  )
  const accounts = specs.map((spec) => spec?.serviceAccountName).filter((one) => one && one !== 'default')
  return {
    configMaps: [...new Set<string>([environmentName(project.name), ...configMaps])],
    accounts: [...new Set<string>(accounts)],
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
