/** The annotation in which client-side apply keeps what was applied. */
import { goJson } from './output/go-json.ts'
import type { Json } from './session.ts'

export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** A copy of the object with the annotation on it. */
export function withLastApplied(object: Json): Json {
  const { [lastApplied]: _, ...annotations } = object.metadata?.annotations ?? {}
  const bare = { ...object, metadata: { ...object.metadata, annotations } }
  const text = `${goJson(bare, { indent: '' })}\n`
  return { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [lastApplied]: text } } }
}
