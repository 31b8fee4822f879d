/** `kubectl rollout undo`: puts an earlier template back. */
import { isDeepStrictEqual } from 'node:util'
import { integer } from '../command-line.ts'
import { describePodTemplate } from '../describe/pod-template.ts'
import { Report } from '../describe/report.ts'
import { pathOf } from '../discovery.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { lastApplied } from '../last-applied.ts'
import { gather, type Info, selectionFlags, selectionOf } from '../resources.ts'
import { dryRunOf, dryRunQuery, resultFlags, resultPrinter } from '../result.ts'
import type { Json } from '../session.ts'
import { defineVerb, type VerbCall } from '../verb.ts'
import { requireArguments } from './patch-each.ts'
import { replicaSetsOf, revisionAnnotation } from './replica-sets.ts'

const flags = { ...resultFlags, ...selectionFlags, 'to-revision': integer() } as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'rollout undo (TYPE NAME | TYPE/NAME) [flags]',
  summary: 'Undo a previous rollout',
  examples: ['rollout undo deployment/web', 'rollout undo deployment/web --to-revision=2'],
  flags,
  async run(call) {
    const { session, err } = call
    requireArguments(call)
    const { infos, errors } = await gather(session, { ...selectionOf(call), typeAlone: true })
    const print = resultPrinter(call)
    for (const info of infos) {
      try {
        if (info.object.metadata.annotations?.[lastApplied] !== undefined) {
          err(applyWarning(`${info.resource.plural}/${info.name}`))
        }
        print(info.object, await undo(call, info))
      } catch (error) {
        errors.push(error)
      }
    }
    aggregate(errors)
  },
})

function applyWarning(what: string): string {
  return `Warning: resource ${what} was previously managed with 'kubectl apply'. Rolling back will not update the ${lastApplied} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous configuration file instead.\n`
}

/** Kept from the Deployment, not taken from the ReplicaSet. */
const ownAnnotations = [
  lastApplied,
  revisionAnnotation,
  'deployment.kubernetes.io/revision-history',
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
  'deprecated.deployment.rollback.to',
]

/** Answers what is printed behind the name. */
async function undo(call: Call, { resource, namespace, name, object }: Info): Promise<string> {
  const { session, flags } = call
  if (resource.kind !== 'Deployment') {
    throw new KubectlError(
      `no rollbacker has been implemented for "${resource.kind}${resource.group ? `.${resource.group}` : ''}"`,
    )
  }
  const wanted = flags['to-revision']
  const replicaSet = revisionOf(await replicaSetsOf(session, object), wanted, name)
  if (dryRunOf(call) === 'client') return describePodTemplate(new Report(), replicaSet.spec.template).text
  if (object.spec.paused) {
    throw new KubectlError("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
  }
  const template = withoutHash(replicaSet.spec.template)
  if (isDeepStrictEqual(template, withoutHash(object.spec.template))) {
    return `skipped rollback (current template already matches revision ${wanted})`
  }
  const body = [
    { op: 'replace', path: '/spec/template', value: template },
    { op: 'replace', path: '/metadata/annotations', value: annotationsOf(object, replicaSet) },
  ]
  const options = { body, contentType: 'application/json-patch+json', query: dryRunQuery(dryRunOf(call)) }
  await session.request('PATCH', pathOf(resource, { namespace, name }), options).catch((error) => {
    throw new KubectlError(`failed restoring revision ${wanted}: ${error.message}`)
  })
  return 'rolled back'
}

function revisionOf(revisions: ReadonlyMap<number, Json>, wanted: number, name: string): Json {
  if (wanted !== 0) {
    const found = revisions.get(wanted)
    if (!found) throw new KubectlError(`unable to find specified revision ${wanted} in history`)
    return found
  }
  const previous = [...revisions.values()].at(-2)
  if (!previous) throw new KubectlError(`no rollout history found for deployment ${JSON.stringify(name)}`)
  return previous
}

function withoutHash(template: Json): Json {
  const { 'pod-template-hash': _, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

function annotationsOf(deployment: Json, replicaSet: Json): Json {
  const own = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => ownAnnotations.includes(key))
  const earlier = Object.entries(replicaSet.metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.includes(key))
  return Object.fromEntries([...own, ...earlier])
}
