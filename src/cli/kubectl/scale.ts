/** `kubectl scale`: sets how many replicas a workload has. */
import { sleep, systemClock } from '#lib/clock.ts'
import { boolean, duration, integer, text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { aggregate, KubectlError } from './errors.ts'
import { gather, type Info, selectionFlags, selectionOf } from './resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from './result.ts'
import { defineVerb, type VerbCall } from './verb.ts'

const flags = {
  ...resultFlags,
  ...selectionFlags,
  all: boolean(),
  replicas: integer(-1, { required: true }),
  'current-replicas': integer(-1),
  'resource-version': text(),
  timeout: duration(),
} as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)',
  summary: 'Set a new size for a deployment, replica set, or replication controller',
  examples: ['scale deployment web --replicas=5'],
  flags,
  async run(call) {
    const { flags, session } = call
    if (flags.replicas < 0) {
      throw new KubectlError('The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0')
    }
    if (flags['current-replicas'] < -1) throw new KubectlError('The --current-replicas must specify an integer of -1 or greater')
    const { infos, errors } = await gather(session, { ...selectionOf(call), typeAlone: flags.all })
    if (flags['resource-version'] && infos.length > 1)
      throw new KubectlError('cannot use --resource-version with multiple resources')
    if (infos.length === 0) {
      aggregate(errors)
      throw new KubectlError('no objects passed to scale')
    }
    const print = resultPrinter(call)
    for (const info of infos) {
      if (dryRunOf(call) !== 'client') await scaleOne(call, info)
      const { resource, object } = info
      if (resource.group === 'apps' || resource.group === '') object.spec = { ...object.spec, replicas: flags.replicas }
      print(object, 'scaled')
    }
    aggregate(errors)
  },
})

async function scaleOne(call: Call, { resource, namespace, name }: Info): Promise<void> {
  const { session, flags } = call
  const path = pathOf(resource, { namespace, name, subresource: 'scale' })
  const query = dryRunQuery(dryRunOf(call))
  const expected = flags['current-replicas']
  if (expected === -1 && !flags['resource-version']) {
    const body = { spec: { replicas: flags.replicas } }
    await session.request('PATCH', path, { body, contentType: 'application/merge-patch+json', query })
  } else {
    const scale = await session.get(path)
    if (expected !== -1 && (scale.spec?.replicas ?? 0) !== expected) {
      throw new KubectlError(`Expected replicas to be ${expected}, was ${scale.spec?.replicas ?? 0}`)
    }
    const version = flags['resource-version']
    if (version && scale.metadata.resourceVersion !== version) {
      throw new KubectlError(`Expected resource version to be ${version}, was ${scale.metadata.resourceVersion}`)
    }
    await session.request('PUT', path, { body: { ...scale, spec: { ...scale.spec, replicas: flags.replicas } }, query })
  }
  if (flags.timeout > 0 && dryRunOf(call) === 'none') await untilScaled(call, path)
}

async function untilScaled({ session, flags, terminal }: Call, path: string): Promise<void> {
  const end = systemClock.monotonic() + flags.timeout
  for (;;) {
    const scale = await session.get(path)
    if (scale.spec?.replicas !== flags.replicas || (scale.status?.replicas ?? 0) === flags.replicas) return
    if (systemClock.monotonic() >= end) throw new KubectlError('timed out waiting for the condition')
    await sleep(systemClock, 1000, terminal.signal)
  }
}
