/** An ImageStore that is a repository of an OCI registry. */
import type { Layout } from '#images/layout.ts'
import { describeTag, listTags, pull, push, type RegistryOptions, retag } from '#images/registry.ts'
import type { ImageStore } from './image-store.ts'

export function registryStore(repository: string, layout: Layout, options: RegistryOptions): ImageStore {
  const named = (tag: string) => `${repository}${tag.includes(':') ? '@' : ':'}${tag}`
  return {
    repository,
    isLocal: false,
    tags: () => listTags(repository, options),
    digest: async (tag) => (await describeTag(named(tag), options))?.digest,
    created: async (tag) => (await describeTag(named(tag), { ...options, isConfigWanted: true }))?.created,
    retag: (from, tag) => retag(named(from), tag, options),
    push: (image, tag) => push(image, named(tag), options),
    pull: (tag) => pull(layout, named(tag), options),
  }
}
