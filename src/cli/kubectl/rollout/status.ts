/** `kubectl rollout status`: says how far a rollout is, until it is done. */
import { boolean, duration, integer } from '../command-line.ts'
import { apiVersionOf } from '../discovery.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { followObject } from '../follow-object.ts'
import { gather, type Info, selectionFlags, selectionOf } from '../resources.ts'
import type { Json } from '../session.ts'
import { defineVerb, type VerbCall } from '../verb.ts'
import { requireArguments } from './patch-each.ts'

const flags = { ...selectionFlags, watch: boolean(true, { short: 'w' }), revision: integer(), timeout: duration() } as const

type Call = VerbCall<typeof flags>

export default defineVerb({
  usage: 'rollout status (TYPE NAME | TYPE/NAME) [flags]',
  summary: 'Show the status of the rollout',
  examples: ['rollout status deployment/web', 'rollout status deployment/web --timeout=60s'],
  flags,
  async run(call) {
    const { flags, session, err } = call
    requireArguments(call)
    if (flags.revision < 0) throw new KubectlError(`revision must be a positive integer: ${flags.revision}`)
    const { infos, errors } = await gather(session, { ...selectionOf(call), typeAlone: true })
    for (const info of infos) await watchOne(call, info).catch((error) => errors.push(error))
    aggregate(errors)
    if (infos.length === 0) err(`No resources found in ${session.namespace} namespace.\n`)
  },
})

async function watchOne({ session, flags, out }: Call, info: Info): Promise<void> {
  const viewer = viewers[`${info.resource.kind}.${info.resource.group}`]
  if (!viewer) throw new KubectlError(`no status viewer has been implemented for ${kindText(info)}`)
  const signal = flags.timeout > 0 ? AbortSignal.timeout(flags.timeout) : undefined
  try {
    for await (const { type, object } of followObject(session, info, signal)) {
      if (type === 'DELETED') throw new KubectlError('object has been deleted')
      const { text, done } = viewer(object, flags.revision)
      out(text)
      if (done || !flags.watch) return
    }
  } catch (error) {
    if (signal?.aborted) throw new KubectlError('timed out waiting for the condition')
    throw error
  }
}

function kindText({ resource }: Info): string {
  return `${resource.kind}${resource.group ? `.${resource.group}` : ''}` || apiVersionOf(resource)
}

interface Status {
  readonly text: string
  readonly done: boolean
}

const wait = (text: string): Status => ({ text, done: false })
const done = (text: string): Status => ({ text, done: true })

const viewers: Record<string, (object: Json, revision: number) => Status> = {
  'Deployment.apps': deploymentStatus,
  'DaemonSet.apps': daemonSetStatus,
  'StatefulSet.apps': statefulSetStatus,
}

export function deploymentStatus({ metadata, spec, status = {} }: Json, revision: number): Status {
  const { name } = metadata
  const running = Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)
  if (revision > 0 && revision !== running) {
    throw new KubectlError(`desired revision (${revision}) is different from the running revision (${running})`)
  }
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return wait('Waiting for deployment spec update to be observed...\n')
  }
  const progressing = (status.conditions ?? []).find(({ type }: Json) => type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    throw new KubectlError(`deployment ${JSON.stringify(name)} exceeded its progress deadline`)
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  const prefix = `Waiting for deployment ${JSON.stringify(name)} rollout to finish: `
  if (spec.replicas !== undefined && updatedReplicas < spec.replicas) {
    return wait(`${prefix}${updatedReplicas} out of ${spec.replicas} new replicas have been updated...\n`)
  }
  if (replicas > updatedReplicas) return wait(`${prefix}${replicas - updatedReplicas} old replicas are pending termination...\n`)
  if (availableReplicas < updatedReplicas) {
    return wait(`${prefix}${availableReplicas} of ${updatedReplicas} updated replicas are available...\n`)
  }
  return done(`deployment ${JSON.stringify(name)} successfully rolled out\n`)
}

function daemonSetStatus({ metadata, spec, status = {} }: Json): Status {
  requireRolling(spec.updateStrategy?.type)
  if ((metadata.generation ?? 0) > (status.observedGeneration ?? 0)) {
    return wait('Waiting for daemon set spec update to be observed...\n')
  }
  const name = JSON.stringify(metadata.name)
  const { updatedNumberScheduled: updated = 0, desiredNumberScheduled: desired = 0, numberAvailable: available = 0 } = status
  if (updated < desired) {
    return wait(`Waiting for daemon set ${name} rollout to finish: ${updated} out of ${desired} new pods have been updated...\n`)
  }
  if (available < desired) {
    return wait(`Waiting for daemon set ${name} rollout to finish: ${available} of ${desired} updated pods are available...\n`)
  }
  return done(`daemon set ${name} successfully rolled out\n`)
}

function statefulSetStatus({ metadata, spec, status = {} }: Json): Status {
  requireRolling(spec.updateStrategy?.type)
  if (!status.observedGeneration || metadata.generation > status.observedGeneration) {
    return wait('Waiting for statefulset spec update to be observed...\n')
  }
  const { readyReplicas = 0, updatedReplicas = 0, currentReplicas = 0, updateRevision, currentRevision } = status
  if (spec.replicas !== undefined && readyReplicas < spec.replicas) {
    return wait(`Waiting for ${spec.replicas - readyReplicas} pods to be ready...\n`)
  }
  const rolling = spec.updateStrategy?.rollingUpdate
  if (rolling) {
    const wanted = (spec.replicas ?? 0) - (rolling.partition ?? 0)
    if (spec.replicas !== undefined && rolling.partition !== undefined && updatedReplicas < wanted) {
      return wait(
        `Waiting for partitioned roll out to finish: ${updatedReplicas} out of ${wanted} new pods have been updated...\n`,
      )
    }
    return done(`partitioned roll out complete: ${updatedReplicas} new pods have been updated...\n`)
  }
  if (updateRevision !== currentRevision) {
    return wait(`waiting for statefulset rolling update to complete ${updatedReplicas} pods at revision ${updateRevision}...\n`)
  }
  return done(`statefulset rolling update complete ${currentReplicas} pods at revision ${currentRevision}...\n`)
}

function requireRolling(type: string | undefined): void {
  if (type !== 'RollingUpdate') throw new KubectlError('rollout status is only available for RollingUpdate strategy type')
}
