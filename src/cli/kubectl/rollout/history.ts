/** `kubectl rollout history`: the revisions of a Deployment, or the template of one. */
import { integer } from '../command-line.ts'
import { describePodTemplate } from '../describe/pod-template.ts'
import { Report } from '../describe/report.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { nameOf } from '../output/printer.ts'
import { TabWriter } from '../output/tab-writer.ts'
import { gather, type Info, selectionFlags, selectionOf } from '../resources.ts'
import { objectPrinter, resultFlags } from '../result.ts'
import type { Json } from '../session.ts'
import { defineVerb, type VerbCall } from '../verb.ts'
import { requireArguments } from './patch-each.ts'
import { replicaSetsOf } from './replica-sets.ts'

const flags = { ...resultFlags, ...selectionFlags, revision: integer() } as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'rollout history (TYPE NAME | TYPE/NAME) [flags]',
  summary: 'View rollout history',
  examples: ['rollout history deployment/web', 'rollout history deployment/web --revision=3'],
  flags,
  async run(call) {
    const { flags, session } = call
    requireArguments(call)
    if (flags.revision < 0) throw new KubectlError(`revision must be a positive integer: ${flags.revision}`)
    const { infos, errors } = await gather(session, { ...selectionOf(call), typeAlone: true })
    for (const info of infos) await show(call, info).catch((error) => errors.push(error))
    aggregate(errors)
  },
})

async function show({ session, flags, out }: Call, { resource, object }: Info): Promise<void> {
  if (resource.kind !== 'Deployment') {
    const kind = resource.group ? `${resource.kind}.${resource.group}` : resource.kind
    throw new KubectlError(`no history viewer has been implemented for ${JSON.stringify(kind)}`)
  }
  const revisions = await replicaSetsOf(session, object)
  const printer = objectPrinter(flags, { struct: true })
  if (printer) {
    if (flags.revision > 0 && !revisions.has(flags.revision)) throw new KubectlError('unable to find the specified revision')
    const shown = flags.revision > 0 ? [revisions.get(flags.revision) as Json] : [...revisions.values()]
    for (const one of shown) out(printer({ apiVersion: 'apps/v1', kind: 'ReplicaSet', ...one }))
    return
  }
  const title = flags.revision > 0 ? `with revision #${flags.revision}` : ''
  out(`${nameOf(object)} ${title}\n${historyText(revisions, flags.revision)}\n`)
}

function historyText(revisions: ReadonlyMap<number, Json>, wanted: number): string {
  if (revisions.size === 0) return 'No rollout history found.'
  if (wanted > 0) {
    const found = revisions.get(wanted)
    if (!found) throw new KubectlError('unable to find the specified revision')
    return describePodTemplate(new Report(), withCause(found)).text
  }
  let text = ''
  const writer = new TabWriter((part) => (text += part), { padding: 2 })
  writer.write('REVISION\tCHANGE-CAUSE\n')
  for (const [revision, one] of revisions) writer.write(`${revision}\t${causeOf(one) || '<none>'}\n`)
  writer.flush()
  return text
}

const causeAnnotation = 'kubernetes.io/change-cause'

function causeOf({ metadata }: Json): string {
  return metadata.annotations?.[causeAnnotation] ?? ''
}

function withCause(replicaSet: Json): Json {
  const { template } = replicaSet.spec
  const cause = causeOf(replicaSet)
  const annotations = { ...template.metadata?.annotations, ...(cause && { [causeAnnotation]: cause }) }
  return { ...template, metadata: { ...template.metadata, annotations } }
}
