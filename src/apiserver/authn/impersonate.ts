/** Impersonation: headers that ask to act as somebody else (upstream `filters/impersonation`). */
import { badRequest } from '#schema/status-error.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import { type HeaderSource, headerLines, prefixedHeaderLines, unescapeExtraKey } from '../header-lines.ts'
import type { Request } from '../request.ts'
import { type Impersonated, type ImpersonationMode, impersonationModes, type WantedUser } from './impersonation-modes.ts'

export interface ImpersonationOptions {
  readonly attributes: Attributes
  readonly authorizer: Authorizer
  /** In the order in which they are asked; default: all. */
  readonly modes?: readonly ImpersonationMode[]
}

/**
 * The user to act as; undefined when nobody was asked for. `attributes` is the request itself, as its sender would make it: modes may
 * allow some requests and not others. The first mode that allows it decides; the refusal is that of the first that applies.
 */
export async function impersonate(
  request: HeaderSource,
  { attributes, authorizer, modes = impersonationModes }: ImpersonationOptions,
): Promise<Impersonated | undefined> {
  const wanted = wantedUser(request)
  if (!wanted) return undefined
  let refusal: unknown
  for (const mode of modes) {
    if (!mode.applies(wanted, attributes.user)) continue
    try {
      return await mode.check(wanted, { attributes, authorizer })
    } catch (error) {
      refusal ??= error
    }
  }
  throw refusal
}

/** Most requests do not, and are spared the rest. */
export function asksToImpersonate(headers: Request['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true
  return false
}

const extraPrefix = 'impersonate-extra-'

/** Each line is authorized by itself. */
function wantedUser(request: HeaderSource): WantedUser | undefined {
  const [name = ''] = headerLines(request, 'impersonate-user')
  const [uid = ''] = headerLines(request, 'impersonate-uid')
  const groups = headerLines(request, 'impersonate-group')
  const extra: Record<string, string[]> = Object.create(null)
  for (const [rest, values] of prefixedHeaderLines(request, extraPrefix)) {
    const key = unescapeExtraKey(rest)
    extra[key] = [...(extra[key] ?? []), ...values]
  }
  const wanted = { name, uid, groups, extra }
  if (name) return wanted
  if (uid || groups.length > 0 || Object.keys(extra).length > 0) {
    throw badRequest(`requested ${goText(wanted)} without impersonating a user name`)
  }
  return undefined
}

/** Go's `%#v` of what was asked for. */
function goText({ uid, groups, extra }: WantedUser): string {
  const list = (texts: readonly string[]) => `{${texts.map((text) => JSON.stringify(text)).join(', ')}}`
  const entries = Object.entries(extra).map(([key, each]) => `${JSON.stringify(key)}:[]string${list(each)}`)
  const groupsText = groups.length > 0 ? `[]string${list(groups)}` : '[]string(nil)'
  const extraText = entries.length > 0 ? `map[string][]string{${entries.sort().join(', ')}}` : 'map[string][]string(nil)'
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${groupsText}, Extra:${extraText}}`
}
