/** `kubectl set selector`: other labels for a Service to choose its pods by. */
import { parseLabelSelector } from '#schema/selector.ts'
import { boolean, text } from '../command-line.ts'
import { structOf } from '../create/generator.ts'
import { pathOf } from '../discovery.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { gather, selectionFlags } from '../resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from '../result.ts'
import { defineVerb } from '../verb.ts'
import { patchBetween, refuseLocal } from './template.ts'

const { selector: _, ...fileFlags } = selectionFlags

export default defineVerb({
  usage: 'set selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]',
  summary: 'Set the selector on a resource',
  examples: ["set selector service web 'app=web,track=stable'"],
  flags: { ...resultFlags, ...fileFlags, all: boolean(), local: boolean(), 'resource-version': text() },
  async run(call) {
    const { flags, args, session } = call
    if (args.length === 0) throw new KubectlError('one selector is required')
    const selector = labelsOf(args.at(-1) as string)
    refuseLocal(flags)
    const { filename, recursive, all } = flags
    const { infos, errors } = await gather(session, { args: args.slice(0, -1), filename, recursive, typeAlone: all })
    const print = resultPrinter(call, { struct: true })
    const version = flags['resource-version']
    for (const { resource, namespace, name, object } of infos) {
      if (object.kind !== 'Service') {
        errors.push(new KubectlError('setting a selector is only supported for Services'))
        continue
      }
      const changed = { ...object, spec: { ...object.spec, selector } }
      if (dryRunOf(call) === 'client') {
        print(structOf(changed), 'selector updated')
        continue
      }
      const patch = patchBetween(object, changed)
      const body = version ? { ...patch, metadata: { resourceVersion: version } } : patch
      const query = { fieldManager: flags['field-manager'] || 'kubectl-set', ...dryRunQuery(dryRunOf(call)) }
      const options = { body, contentType: 'application/strategic-merge-patch+json', query }
      try {
        print(structOf(await session.request('PATCH', pathOf(resource, { namespace, name }), options)), 'selector updated')
      } catch (error) {
        errors.push(error)
      }
    }
    aggregate(errors)
  },
})

const setOperators: Record<string, string> = { in: 'In', notin: 'NotIn', '!=': 'NotIn', exists: 'Exists', '!': 'DoesNotExist' }

function labelsOf(text: string): Record<string, string> {
  const { requirements } = parsed(text)
  const others = requirements.filter(({ operator }) => operator !== '=' && operator !== '==')
  if (others.length > 0) {
    const shown = others.map(
      ({ key, operator, values }) => `{${key} ${setOperators[operator] ?? operator} [${values.join(' ')}]}`,
    )
    throw new KubectlError(`match expression [${shown.join(' ')}] not supported on this object`)
  }
  return Object.fromEntries(requirements.map(({ key, values }) => [key, values[0] ?? '']))
}

function parsed(text: string) {
  try {
    return parseLabelSelector(text)
  } catch (error) {
    throw new KubectlError(`couldn't parse the selector string ${JSON.stringify(text)}: ${(error as Error).message}`)
  }
}
