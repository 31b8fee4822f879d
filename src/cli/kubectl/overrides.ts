/** `--overrides`: a patch for an object that a command makes, before it is sent. */
import { type JsonPatchOperation, jsonPatch, mergePatch, strategicMerge } from '#schema/merge.ts'
import { parseYaml } from '#schema/yaml.ts'
import { text } from './command-line.ts'
import { KubectlError } from './errors.ts'
import type { Json } from './session.ts'
import { kindOf } from './three-way-patch.ts'

export const overrideFlags = { overrides: text(), 'override-type': text('merge') } as const

export interface Overrides {
  readonly overrides: string
  readonly 'override-type': string
}

export function withOverrides(object: Json, { overrides, 'override-type': type }: Overrides): Json {
  if (overrides === '') return object
  const patch = read(overrides)
  if (type === 'merge' || type === '') return mergePatch(object, patch) as Json
  if (type === 'json') return jsonPatch(object, patch as JsonPatchOperation[]) as Json
  const kind = kindOf(object)
  if (type === 'strategic' && kind) return strategicMerge(kind.schema, object, patch as Json) as Json
  throw new KubectlError(`invalid --override-type: ${type}`)
}

function read(overrides: string): unknown {
  try {
    return parseYaml(overrides)[0]?.value
  } catch (error) {
    throw new KubectlError((error as Error).message)
  }
}
