/** Makes a request that breaks the server smaller, as long as it still does. */
import { smallerThan } from '#testing/property.ts'
import { bytesOf } from './fuzz-client.ts'
import type { Case } from './generate-case.ts'

const mostAttempts = 1500

export async function shrinkCase(made: Case, breaks: (smaller: Case) => Promise<boolean>): Promise<Case> {
  let smallest = made
  for (let attempts = 0, found = true; found && attempts < mostAttempts; ) {
    found = false
    for (const smaller of smallerCases(smallest)) {
      if (++attempts >= mostAttempts) break
      if (!(await breaks(smaller))) continue
      smallest = smaller
      found = true
      break
    }
  }
  return smallest
}

function* smallerCases(made: Case): Generator<Case> {
  const { body, query, headers } = made
  for (let at = 0; at < query.length; at++) yield { ...made, query: query.toSpliced(at, 1) }
  for (let at = 0; at < headers.length; at++) yield { ...made, headers: headers.toSpliced(at, 1) }
  if (!body) return
  const { body: _, ...bodiless } = made
  yield bodiless
  if ('json' in body) {
    if (body.repeat !== undefined) yield { ...made, body: { json: body.json } }
    yield* keysLess(body.json).map((json) => ({ ...made, body: { ...body, json } }))
    for (const json of smallerThan(body.json)) yield { ...made, body: { ...body, json } }
    return
  }
  const bytes = bytesOf(body, '')
  for (let size = bytes.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < bytes.length; at += size) {
      const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
      yield { ...made, body: { base64: rest.toString('base64') } }
    }
  }
}

/** The value without one key, at any depth; those at the top first. */
function keysLess(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const out: unknown[] = []
  if (!Array.isArray(value)) {
    for (const key of Object.keys(value)) out.push(Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)))
  }
  for (const [key, item] of Object.entries(value)) {
    for (const smaller of keysLess(item))
      out.push(Array.isArray(value) ? value.with(Number(key), smaller) : { ...value, [key]: smaller })
  }
  return out
}
