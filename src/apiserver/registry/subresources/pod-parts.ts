/** Subresources that let a client change one part of a pod and nothing else. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Request, Response } from '../../request.ts'
import { answer } from '../answer.ts'
import { get } from '../get.ts'
import { writeOptions } from '../options.ts'
import { patchedBy } from '../patch.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { checkAddress } from '../update.ts'
import { writeContext } from '../write-context.ts'
import { writeLoop } from '../write-loop.ts'
import type { Handlers } from './subresources.ts'

/** `take` lays what the subresource may change from `sent` over a copy of the current pod. */
export function podPart(take: (pod: Pod, sent: Pod) => void): Handlers {
  const over = (current: Pod, sent: Pod): Pod => {
    const pod = structuredClone(current)
    if (sent.metadata.resourceVersion) pod.metadata.resourceVersion = sent.metadata.resourceVersion
    take(pod, sent)
    return pod
  }
  const update = async (registry: Registry, request: Request): Promise<Response> => {
    const options = writeOptions(request.query, 'UpdateOptions')
    const sent = (await readObject(request, Pod, { kinds: registry.kinds, options })) as Pod
    const context = writeContext(registry, request, { kind: Pod, options })
    checkAddress(context, sent)
    const next = (current: Pod) => over(current, sent)
    return answer(await writeLoop({ context, part: 'main', next, preconditions: { uid: sent.metadata.uid } }))
  }
  const patch = async (registry: Registry, request: Request, kind: Kind): Promise<Response> => {
    const { context, next } = await patchedBy(registry, request, kind)
    const taken = (current: KubeObject) => over(current as Pod, next(current) as Pod)
    return answer(await writeLoop({ context, part: 'main', next: taken }))
  }
  return { get, update, patch }
}
