/** What an extension server has, in the words of discovery: its `APIResourceList`, and the same in the aggregated form. */
import { isRecord } from '#schema/json-schema.ts'

/** `metav1.APIResource`. */
export interface RemoteResource {
  readonly name: string
  readonly singularName?: string
  readonly namespaced: boolean
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

export type RemoteResources = readonly RemoteResource[]

/** Undefined where the answer is no such list. */
export function readResources(text: string): RemoteResources | undefined {
  try {
    const list: unknown = JSON.parse(text)
    return isRecord(list) && Array.isArray(list.resources) ? (list.resources as RemoteResource[]) : undefined
  } catch {
    return undefined
  }
}

/** `apidiscovery.k8s.io/v2 APIResourceDiscovery`: subresources stand inside of their resource. */
export function aggregatedResources(resources: RemoteResources, group: string, version: string): object[] {
  const responseKind = (one: RemoteResource) => ({ group: one.group ?? group, version: one.version ?? version, kind: one.kind })
  const mains = resources.filter(({ name }) => !name.includes('/'))
  return mains.map((main) => {
    const subresources = resources
      .filter(({ name }) => name.startsWith(`${main.name}/`))
      .map((sub) => ({ subresource: sub.name.slice(main.name.length + 1), responseKind: responseKind(sub), verbs: sub.verbs }))
    return {
      resource: main.name,
      responseKind: responseKind(main),
      scope: main.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: main.singularName ?? '',
      verbs: main.verbs,
      ...(main.shortNames && { shortNames: main.shortNames }),
      ...(main.categories && { categories: main.categories }),
      ...(subresources.length > 0 && { subresources }),
    }
  })
}
