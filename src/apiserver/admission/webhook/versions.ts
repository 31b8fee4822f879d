/** Objects of a request in another of the versions in which they are served. */
import type { Soon } from '#lib/soon.ts'
import { decode } from '#schema/decode.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { AdmissionRequest } from '../plugin.ts'
import { hasOwnKind } from '../policy/apply-mutation.ts'

/** The same request, where the version is its own. */
export function atVersion(request: AdmissionRequest, kind: Kind): Soon<AdmissionRequest> {
  return kind === request.kind || hasOwnKind(request) ? request : inVersion(request, kind)
}

async function inVersion(request: AdmissionRequest, kind: Kind): Promise<AdmissionRequest> {
  const { object, old } = request
  return {
    ...request,
    object: object && (await converted(object, request.kind, kind)),
    ...(old && { old: await converted(old, request.kind, kind) }),
  }
}

/** A new object; asks the conversion webhook of a custom resource where it has one. */
export async function converted(object: unknown, from: Kind, to: Kind): Promise<KubeObject> {
  const whole = decode(from.schema, object) as KubeObject
  const { storedAs } = from.def
  const stored = (await storedAs?.toFar?.(whole)) ?? storedAs?.toStored(whole) ?? whole
  const { isFar, fromFar, fromStored } = to.def.storedAs ?? {}
  const value = fromFar && isFar?.(stored) ? (await fromFar([stored]))[0] : (fromStored?.(stored) ?? stored)
  return { ...(value as KubeObject), apiVersion: to.apiVersion, kind: to.kind }
}
