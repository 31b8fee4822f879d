/** One mutation of a policy applied to the object of a request (upstream `policy/mutating/patch`). */

import { mergeTyped } from '#schema/apply.ts'
import { type CelBudget, CelError } from '#schema/cel/compile.ts'
import { CelFailure } from '#schema/cel/errors.ts'
import { toJson } from '#schema/cel/to-json.ts'
import type { CelList, CelMap, Meter } from '#schema/cel/value.ts'
import { copyJson } from '#schema/copy.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import type { KubeObject } from '#schema/kind.ts'
import { jsonPatch } from '#schema/merge.ts'
import { StatusError } from '#schema/status-error.ts'
import { deduced, isObject, type Shape, shapeAt, shapeOf } from '#schema/typed.ts'
import { validateTyped } from '#schema/typed-walk.ts'
import type { AdmissionRequest } from '../plugin.ts'

/** The value does not fit the object; failurePolicy decides. */
export class MutationError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MutationError'
  }
}

/** Charged to the policy's budget: what an expression built can be large. */
function meterOf(budget: CelBudget): Meter {
  return {
    charge(cost) {
      budget.remaining -= cost
      if (!(budget.remaining >= 0))
        throw new MutationError('validation failed due to running out of cost budget, no further validation rules will be run')
    },
  }
}

/** Answers a new object. Throws MutationError. */
export function applyMutation(
  type: string,
  value: unknown,
  { request, budget }: { request: AdmissionRequest; budget: CelBudget },
): KubeObject {
  const { object } = request
  try {
    const changed = type === 'JSONPatch' ? patched(value as CelList, object, budget) : merged(value, request, budget)
    return hasOwnKind(request) ? (changed as KubeObject) : completed(changed, request)
  } catch (error) {
    if (error instanceof CelFailure) throw new MutationError(error.message)
    throw error
  }
}

/** Whether what is sent to this subresource is an object of another kind, whose schema is not at hand. */
export function hasOwnKind({ kind, subresource }: AdmissionRequest): boolean {
  return subresource !== '' && subresource !== 'status' && (kind.def.subresources?.[subresource]?.kind ?? '') !== kind.kind
}

function completed(changed: unknown, { kind }: AdmissionRequest): KubeObject {
  const report = { unknown: [] as string[] }
  let object: KubeObject
  try {
    object = decode(kind.schema, changed, report) as KubeObject
  } catch (error) {
    throw new StatusError('InternalError', (error as Error).message)
  }
  if (report.unknown.length > 0) throw new StatusError('InternalError', `strict decoding error: ${report.unknown.join(', ')}`)
  applyDefaults(kind, object)
  return object
}

function merged(value: unknown, request: AdmissionRequest, budget: CelBudget): unknown {
  const { object } = request
  const shape: Shape = hasOwnKind(request) ? deduced : shapeOf(request.kind.schema)
  const patch = toJson(value, meterOf(budget)) as Record<string, unknown>
  patch.apiVersion = object.apiVersion
  patch.kind = object.kind
  const applying = (why: string) => new MutationError(`error applying patch: ${why}`)
  try {
    validateTyped(shape, patch)
  } catch (error) {
    throw applying(`failed to convert patch object to typed object: ${(error as Error).message}`)
  }
  const atomic = atomicsIn(shape, patch, '')
  if (atomic.length > 0) {
    throw applying(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`)
  }
  try {
    return copyJson(mergeTyped(shape, object, patch))
  } catch (error) {
    throw applying(`failed to merge patch: ${(error as Error).message}`)
  }
}

/** Paths of what would be replaced as a whole: who names one of its fields would lose the others. */
function atomicsIn(shape: Shape | undefined, value: unknown, path: string): string[] {
  if (shape?.type === 'map' && isObject(value)) {
    const inside = Object.entries(value).flatMap(([key, one]) => atomicsIn(shapeAt(shape, key), one, `${path}.${key}`))
    return shape.atomic ? [path, ...inside] : inside
  }
  if (shape?.type === 'list' && Array.isArray(value)) {
    const inside = value.flatMap((one, i) => atomicsIn(shape.items(), one, `${path}[${i}]`))
    return shape.kind === 'atomic' ? [path, ...inside] : inside
  }
  return []
}

function patched(list: CelList, object: unknown, budget: CelBudget): unknown {
  const meter = meterOf(budget)
  const operations = [...list].map((one) => operationOf(one as CelMap, meter))
  try {
    return jsonPatch(copyJson(object), operations as never)
  } catch (error) {
    const why = (error as Error).message
    // A test that fails means that there is nothing to do.
    if ((error as Error).name === 'TestError' || /test(ing)? .*failed/i.test(why)) return copyJson(object)
    throw new MutationError(`JSON Patch: ${why}`)
  }
}

function operationOf(message: CelMap, meter: Meter): Record<string, unknown> {
  const text = (name: string) => message.get(name) as string | undefined
  const value = message.get('value')
  return {
    op: text('op') ?? '',
    path: text('path') ?? '',
    ...(text('from') && { from: text('from') }),
    ...(value !== undefined && { value: toJson(value, meter) }),
  }
}

/** Whether an error is about what the policy's expressions made, not about the server. */
export function isPolicyError(error: unknown): error is Error {
  return error instanceof MutationError || error instanceof CelError
}
