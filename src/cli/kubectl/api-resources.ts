/** `kubectl api-resources`: the types that the server serves. */
import { boolean, list, text } from './command-line.ts'
import { apiVersionOf, qualifiedName, type Resource } from './discovery.ts'
import { KubectlError, usageError } from './errors.ts'
import { printerFor } from './output/printer.ts'
import { tableWriter } from './output/tab-writer.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  'api-group': text(),
  namespaced: boolean(true),
  verbs: list(),
  'sort-by': text(),
  cached: boolean(),
  categories: list(),
  output: text('', { short: 'o' }),
  'no-headers': boolean(),
  'show-managed-fields': boolean(),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'api-resources',
  summary: 'Print the supported API resources on the server',
  examples: ['api-resources', 'api-resources --namespaced=false -o wide'],
  flags,
  async run(call) {
    const { flags, args, path, session, out } = call
    if (args.length > 0) throw usageError(path, `unexpected arguments: [${args.join(' ')}]`)
    if (!['', 'name', 'kind'].includes(flags['sort-by'])) throw new KubectlError('--sort-by accepts only name or kind')
    const resources = (await session.discovery.preferred()).filter((one) => isWanted(call, one)).sort(order(flags['sort-by']))
    const { output } = flags
    if (output === 'name') return out(resources.map((one) => `${qualifiedName(one)}\n`).join(''))
    if (output !== '' && output !== 'wide') {
      const printer = printerFor(output, ['json', 'kyaml', 'name', 'wide', 'yaml'], { struct: true })
      return out(
        printer({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: '', resources: resources.map(apiResourceOf) }),
      )
    }
    const writer = tableWriter(out)
    const heads = [
      'NAME',
      'SHORTNAMES',
      'APIVERSION',
      'NAMESPACED',
      'KIND',
      ...(output === 'wide' ? ['VERBS', 'CATEGORIES'] : []),
    ]
    if (!flags['no-headers']) writer.write(`${heads.join('\t')}\n`)
    for (const one of resources) {
      const { plural, shortNames, namespaced, kind, verbs, categories } = one
      const cells = [plural, shortNames.join(','), apiVersionOf(one), String(namespaced), kind]
      writer.write(`${[...cells, ...(output === 'wide' ? [verbs.join(','), categories.join(',')] : [])].join('\t')}\n`)
    }
    writer.flush()
  },
})

function isWanted({ flags, changed }: Call, { group, namespaced, verbs, categories }: Resource): boolean {
  if (verbs.length === 0) return false
  if (changed.has('api-group') && flags['api-group'] !== group) return false
  if (changed.has('namespaced') && flags.namespaced !== namespaced) return false
  return flags.verbs.every((verb) => verbs.includes(verb)) && flags.categories.every((category) => categories.includes(category))
}

function order(by: string): (a: Resource, b: Resource) => number {
  const key = by === 'name' ? 'plural' : by === 'kind' ? 'kind' : 'group'
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return (a, b) => compare(a[key], b[key]) || compare(a.plural, b.plural)
}

function apiResourceOf({ plural, singular, namespaced, group, version, kind, verbs, shortNames, categories }: Resource): object {
  return {
    name: plural,
    singularName: singular,
    namespaced,
    ...(group && { group }),
    version,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  }
}
