/** `kubectl describe`: everything about objects in words, with their events. */
import { hasReason } from '#schema/status-error.ts'
import { boolean, integer } from './command-line.ts'
import { describerFor } from './describe/describers.ts'
import { aggregate, KubectlError } from './errors.ts'
import { gather, type Info, selectionFlags, selectionOf } from './resources.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  ...selectionFlags,
  'all-namespaces': boolean(false, { short: 'A' }),
  'show-events': boolean(true),
  'chunk-size': integer(500),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)',
  summary: 'Show details of a specific resource or group of resources',
  examples: ['describe pod web', 'describe nodes', 'describe deployment/web'],
  flags,
  async run(call) {
    const { flags, session, changed, args, err } = call
    if (args.length === 0 && flags.filename.length === 0) {
      throw new KubectlError(
        'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of supported resources.\n',
      )
    }
    const selection = { ...selectionOf(call), allNamespaces: flags['all-namespaces'], typeAlone: true }
    const { infos, errors } = await gather(session, selection)
    const [error] = errors
    if (errors.length === 1 && args.length === 2 && hasReason(error, 'NotFound')) return describeByPrefix(call, error)
    const isOne = infos.length <= 1 && errors.length === 0
    await print(call, infos, { showEvents: changed.has('show-events') ? flags['show-events'] : isOne, errors })
    if (infos.length === 0 && errors.length === 0) {
      err(flags['all-namespaces'] ? 'No resources found\n' : `No resources found in ${session.namespace} namespace.\n`)
    }
    aggregate(errors)
  },
})

async function print(
  { session, out }: Call,
  infos: readonly Info[],
  { showEvents, errors }: { showEvents: boolean; errors: unknown[] },
): Promise<void> {
  let first = true
  for (const { resource, object } of infos) {
    try {
      const report = await describerFor(resource)(object, { session, showEvents })
      out(`${first ? '' : '\n\n'}${report.tabbed()}`)
      first = false
    } catch (error) {
      errors.push(error)
    }
  }
}

/** Names that begin with what was given are meant where there is none of exactly that name. */
async function describeByPrefix({ session, args, flags, changed, out }: Call, original: unknown): Promise<void> {
  const [type = '', prefix = ''] = args
  const { infos, errors } = await gather(session, { args: [type], typeAlone: true })
  aggregate(errors)
  const found = infos.filter(({ name }) => name.startsWith(prefix))
  if (found.length === 0) throw original
  const showEvents = changed.has('show-events') && flags['show-events']
  for (const { resource, object } of found) {
    out(`${(await describerFor(resource)(object, { session, showEvents })).tabbed()}\n`)
  }
}
