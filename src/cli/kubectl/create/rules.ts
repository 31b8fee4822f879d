/** Rules of roles out of --verb, --resource and --resource-name. */
import { array, list } from '../command-line.ts'
import { BareError, KubectlError } from '../errors.ts'
import type { Json, Session } from '../session.ts'
import { unique } from './generator.ts'

export const ruleFlags = { verb: list(), resource: list(), 'resource-name': array() } as const

export interface RuleWishes {
  readonly verb: readonly string[]
  readonly resource: readonly string[]
  readonly 'resource-name': readonly string[]
}

const standardVerbs = [
  '*',
  'get',
  'delete',
  'list',
  'create',
  'update',
  'patch',
  'watch',
  'proxy',
  'deletecollection',
  'use',
  'bind',
  'escalate',
  'impersonate',
]

/** Verbs that go with some resources only: `group/resource`. */
const specialVerbs: Record<string, readonly string[]> = {
  use: ['policy/podsecuritypolicies', 'extensions/podsecuritypolicies'],
  bind: ['rbac.authorization.k8s.io/roles', 'rbac.authorization.k8s.io/clusterroles'],
  escalate: ['rbac.authorization.k8s.io/roles', 'rbac.authorization.k8s.io/clusterroles'],
  impersonate: ['/users', '/serviceaccounts', '/groups', 'authentication.k8s.io/userextras'],
}

export function verbsOf({ verb }: RuleWishes): string[] {
  return verb.includes('*') ? ['*'] : unique(verb)
}

export function warnAboutVerbs(verbs: readonly string[], err: (text: string) => void): void {
  for (const verb of verbs) if (!standardVerbs.includes(verb)) err(`Warning: '${verb}' is not a standard resource verb\n`)
}

interface Named {
  readonly group: string
  readonly resource: string
  readonly subresource: string
}

/** One rule for each API group, in the order of their names. */
export async function resourceRules(session: Session, wishes: RuleWishes): Promise<Json[]> {
  const verbs = verbsOf(wishes)
  const byGroup = new Map<string, string[]>()
  for (const named of resourcesOf(wishes.resource)) {
    const { group, resource } = await resolve(session, named, verbs)
    const name = named.subresource ? `${resource}/${named.subresource}` : resource
    byGroup.set(group, unique([...(byGroup.get(group) ?? []), name]))
  }
  const names = unique(wishes['resource-name'])
  return [...byGroup]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, resources]) => ({ verbs, apiGroups: [group], resources, ...(names.length > 0 && { resourceNames: names }) }))
}

function resourcesOf(given: readonly string[]): Named[] {
  const found: Named[] = []
  for (const text of given) {
    const [whole = '', subresource = ''] = splitOnce(text, '/')
    const [resource = '', group = ''] = splitOnce(whole, '.')
    const named = { group, resource, subresource }
    if (text === '*') return [named]
    found.push(named)
  }
  return found
}

async function resolve(
  session: Session,
  { group, resource }: Named,
  verbs: readonly string[],
): Promise<{ group: string; resource: string }> {
  if (resource === '') throw new KubectlError('resource must be specified if apiGroup/subresource specified')
  if (resource === '*') return { group, resource }
  const found = await session.discovery.find(group ? `${resource}.${group}` : resource).catch(() => undefined)
  const name = found ? { group: found.group, resource: found.plural } : { group, resource }
  let isSpecial = false
  for (const verb of verbs) {
    const places = Object.hasOwn(specialVerbs, verb) ? specialVerbs[verb] : undefined
    if (!places) continue
    if (!places.includes(`${name.group}/${name.resource}`)) {
      throw new KubectlError(`can not perform '${verb}' on '${name.resource}' in group '${name.group}'`)
    }
    isSpecial = true
  }
  if (found || isSpecial) return name
  const inGroup = group ? ` in group ${JSON.stringify(group)}` : ''
  throw new BareError(`the server doesn't have a resource type ${JSON.stringify(resource)}${inGroup}`)
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
