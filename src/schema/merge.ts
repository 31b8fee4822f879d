/** Patches: how a partial document changes an object. The strategic ones stand in files of their own. */

export { type JsonPatchOperation, jsonPatch } from './merge-json-patch.ts'
export { strategicMerge } from './merge-strategic.ts'
export { threeWayPatch, twoWayPatch } from './merge-strategic-diff.ts'

import { isDeepStrictEqual } from 'node:util'
import { copyJson } from './copy.ts'
import { setOwn } from './json-parser.ts'

type Json = Record<string, unknown>

/**
 * JSON merge patch, RFC 7386. Answers a new value; parts of `original` and `patch` may be shared with it. As upstream
 * (evanphx/json-patch), nulls inside of lists that the patch brings along are dropped too.
 */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return withoutNulls(patch)
  const result: Json = isObject(original) ? { ...original } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else setOwn(result, key, mergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value))
  }
  return result
}

/** The merge patch that makes `modified` of `original`: `CreateMergePatch`. */
export function twoWayMergePatch(original: Json, modified: Json): Json {
  const patch: Json = {}
  for (const [key, value] of Object.entries(modified)) {
    const before = Object.hasOwn(original, key) ? original[key] : undefined
    if (isObject(before) && isObject(value)) {
      const inner = twoWayMergePatch(before, value)
      if (Object.keys(inner).length > 0) setOwn(patch, key, inner)
    } else if (before === undefined || !isDeepStrictEqual(before, value)) setOwn(patch, key, value)
  }
  for (const key of Object.keys(original)) if (!Object.hasOwn(modified, key)) setOwn(patch, key, null)
  return patch
}

/**
 * What `kubectl apply` sends for custom resources (`CreateThreeWayJSONMergePatch`): what `modified` has and `current` has not, and
 * the removal of what `original` had and `modified` has not.
 */
export function threeWayMergePatch({ original, modified, current }: { original: Json; modified: Json; current: Json }): Json {
  const additions = onlyChanges(twoWayMergePatch(current, modified))
  const deletions = onlyDeletions(twoWayMergePatch(original, modified))
  return copyJson(joined(deletions, additions)) as Json
}

function onlyChanges(patch: Json): Json {
  return kept(patch, (value) =>
    value === null ? undefined : isEmpty(value) ? value : isObject(value) ? onlyChanges(value) : value,
  )
}

function onlyDeletions(patch: Json): Json {
  return kept(patch, (value) => (value === null ? null : isObject(value) ? onlyDeletions(value) : undefined), true)
}

/** Leaves out what became undefined, and objects of which nothing is left; an empty one that was sent is a value. */
function kept(patch: Json, pick: (value: unknown) => unknown, dropsEmpty = false): Json {
  const result: Json = {}
  for (const [key, value] of Object.entries(patch)) {
    const picked = pick(value)
    if (picked === undefined || (isEmpty(picked) && (dropsEmpty || !isEmpty(value)))) continue
    setOwn(result, key, picked)
  }
  return result
}

/** Two patches of which no field is in both. */
function joined(deletions: Json, additions: Json): Json {
  const result: Json = { ...deletions }
  for (const [key, value] of Object.entries(additions)) {
    const other = result[key]
    setOwn(result, key, isObject(other) && isObject(value) ? joined(other, value) : value)
  }
  return result
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  return isObject(value) ? mergePatch({}, value) : value
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
