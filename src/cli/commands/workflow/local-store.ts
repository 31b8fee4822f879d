/** Where a project's images go: the registry that it names, or else the layout and the node of this machine. */

import type { DataDirectory } from '#cluster/data-directory.ts'
import type { Image } from '#images/image.ts'
import type { Layout } from '#images/layout.ts'
import { loadImage } from '#images/layout.ts'
import type { ImageStore } from '#workflow/images/image-store.ts'
import { registryStore } from '#workflow/images/registry-store.ts'
import type { Project } from '#workflow/project/project.ts'
import { openImages } from '../image/layout.ts'
import { credentials } from '../image/registry.ts'
import type { WorkflowCall } from './open.ts'

export async function storeOf(
  project: Project,
  { flags, terminal }: WorkflowCall,
): Promise<{ layout: Layout; images: ImageStore }> {
  const { directory, layout } = await openImages(flags['data-dir'])
  if (project.isLocal) return { layout, images: localStore(project.repository, layout, directory) }
  const options = credentials(
    { username: terminal.env.NAMI_REGISTRY_USERNAME, insecure: project.config['registry-insecure'] },
    terminal.env,
  )
  return { layout, images: registryStore(project.repository, layout, options) }
}

/** Tags live in the layout. The node knows images by digest alone, which no later build can move. */
export function localStore(repository: string, layout: Layout, directory: DataDirectory): ImageStore {
  const tags = async () => {
    const entries = (await layout.list()).filter(({ reference }) => reference.startsWith(`${repository}:`))
    return new Map(entries.map(({ reference, descriptor }) => [reference.slice(repository.length + 1), descriptor]))
  }
  const find = async (tagOrDigest: string): Promise<Image | undefined> => {
    const known = await tags()
    const descriptor = known.get(tagOrDigest) ?? [...known.values()].find(({ digest }) => digest === tagOrDigest)
    return descriptor && loadImage(layout, descriptor)
  }
  const need = async (tag: string) => {
    const image = await find(tag)
    if (!image) throw new Error(`${repository} has no tag ${tag}`)
    return image
  }
  return {
    repository,
    isLocal: true,
    tags: async () => [...(await tags()).keys()],
    digest: async (tag) => (await find(tag))?.descriptor.digest,
    created: async (tag) => (await find(tag))?.config.created,
    retag: async (from, tag) => layout.tag(`${repository}:${tag}`, await need(from)),
    pull: need,
    async push(image, tag) {
      const [{ importBuilt }, { importerOf, withRuntime }] = await Promise.all([
        import('#cluster/application-image.ts'),
        import('#cluster/node-images.ts'),
      ])
      const reference = `${repository}@${image.descriptor.digest}`
      await withRuntime(directory, (runtime) => importBuilt({ reference, image }, directory, importerOf(runtime, directory)))
      await layout.tag(`${repository}:${tag}`, image)
      return image.descriptor.digest
    },
  }
}
