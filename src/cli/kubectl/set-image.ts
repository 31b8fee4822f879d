/** `kubectl set image`: other images for the containers of pods and workloads. */
import { boolean } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import { parsePairs, splitPairs } from './pairs.ts'
import { goType } from './pods.ts'
import { gather, type Info, selectionFlags } from './resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from './result.ts'
import type { Json } from './session.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'set image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N',
  summary: 'Update the image of a pod template',
  examples: ['set image deployment/web web=nginx:2', "set image deployments --all '*=nginx:2'"],
  flags: { ...resultFlags, ...selectionFlags, all: boolean(), local: boolean() },
  async run(call) {
    const { flags, session } = call
    const { resources, pairs } = splitPairs(call.args, 'image')
    const images = parsePairs(pairs, 'image').set
    const { infos, errors } = await gather(session, {
      args: resources,
      filename: flags.filename,
      recursive: flags.recursive,
      selector: flags.selector || undefined,
      typeAlone: flags.all,
    })
    aggregate(errors)
    check(flags, resources, images)
    const print = resultPrinter(call, { struct: true })
    const dryRun = dryRunOf(call)
    for (const info of infos) {
      try {
        const body = patchOf(info, images, errors)
        if (!body) continue
        if (dryRun === 'client') {
          print(withImages(info.object, images), 'image updated')
          continue
        }
        const { resource, namespace, name } = info
        const query = { fieldManager: flags['field-manager'] || 'kubectl-set', ...dryRunQuery(dryRun) }
        const options = { body, contentType: 'application/strategic-merge-patch+json', query }
        const patched = await session.request('PATCH', pathOf(resource, { namespace, name }), options).catch((error) => {
          throw new KubectlError(`failed to patch image update to pod template: ${error.message}`)
        })
        print(patched, 'image updated')
      } catch (error) {
        errors.push(error)
      }
    }
    aggregate(errors)
  },
})

function check(
  flags: { all: boolean; selector: string; filename: readonly string[]; local: boolean },
  resources: readonly string[],
  images: ReadonlyMap<string, string>,
): void {
  const errors: KubectlError[] = []
  const wrong = (text: string) => errors.push(new KubectlError(text))
  if (flags.local) wrong('--local is not supported; use --dry-run=client')
  if (flags.all && flags.selector) wrong('cannot set --all and --selector at the same time')
  if (resources.length === 0 && flags.filename.length === 0) {
    wrong('one or more resources must be specified as <resource> <name> or <resource>/<name>')
  }
  if (images.size === 0) wrong('at least one image update is required')
  else if (images.size > 1 && images.has('*')) {
    wrong('all containers are already specified by *, but saw more than one container_name=container_image pairs')
  }
  aggregate(errors)
}

const lists = ['initContainers', 'containers'] as const

/** Undefined where every container has its image already. */
function patchOf(info: Info, images: ReadonlyMap<string, string>, errors: unknown[]): Json | undefined {
  const { object } = info
  const spec = podSpecOf(object)
  if (!spec)
    throw new KubectlError(
      `error: ${info.resource.plural}/${info.name} the object is not a pod or does not have a pod template: ${goType(object)}\n`,
    )
  const names = lists.flatMap((list) => (spec[list] ?? []).map(({ name }: Json) => name))
  for (const name of images.keys()) {
    if (name !== '*' && !names.includes(name))
      errors.push(new KubectlError(`error: unable to find container named ${JSON.stringify(name)}`))
  }
  const patch: Json = {}
  for (const list of lists) {
    const changed = (spec[list] ?? []).flatMap(({ name, image }: Json) => {
      const wanted = images.get(name) ?? images.get('*')
      return wanted !== undefined && wanted !== image ? [{ name, image: wanted }] : []
    })
    if (changed.length > 0) patch[list] = changed
  }
  if (Object.keys(patch).length === 0) return undefined
  return object.kind === 'Pod' ? { spec: patch } : { spec: { template: { spec: patch } } }
}

function podSpecOf({ kind, spec }: Json): Json | undefined {
  return kind === 'Pod' ? spec : spec?.template?.spec
}

function withImages(object: Json, images: ReadonlyMap<string, string>): Json {
  const copy = structuredClone(object)
  const spec = podSpecOf(copy) as Json
  for (const list of lists) {
    for (const container of spec[list] ?? []) container.image = images.get(container.name) ?? images.get('*') ?? container.image
  }
  return copy
}
