/** The ways to be allowed to impersonate: four that are bound to what the request does (KEP-5284), and the old one that is not. */
import { isDns1123Subdomain } from '#schema/formats.ts'
import { demand, forbiddenRequest } from '../authz/authorize.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import { systemMasters } from '../authz/system-masters.ts'
import type { User } from '../request.ts'
import { serviceAccountGroups, splitServiceAccountUsername } from './service-account-user.ts'

export interface WantedUser {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface ImpersonationContext {
  readonly attributes: Attributes
  readonly authorizer: Authorizer
}

export interface ImpersonationMode {
  applies(wanted: WantedUser, requestor: User): boolean
  /** Throws the 403. */
  check(wanted: WantedUser, context: ImpersonationContext): Promise<Impersonated>
}

export interface Impersonated {
  readonly user: User
  /** The verb of the constrained mode that allowed it, for the audit log. */
  readonly constraint?: string
}

function isOnlyName({ uid, groups, extra }: WantedUser): boolean {
  return !uid && groups.length === 0 && Object.keys(extra).length === 0
}

function nodeOf(username: string): string | undefined {
  if (!username.startsWith('system:node:')) return undefined
  const name = username.slice('system:node:'.length)
  return isDns1123Subdomain(name).length === 0 ? name : undefined
}

/** A service account whose token says that its pod runs on that node. */
function isOwnNode({ name, extra }: User, wanted: string): boolean {
  const node = nodeOf(wanted)
  const nodes = extra?.['authentication.kubernetes.io/node-name'] ?? []
  return node !== undefined && splitServiceAccountUsername(name) !== undefined && nodes.length === 1 && nodes[0] === node
}

/** Agents of a DaemonSet are allowed their nodes by one rule for all: what is asked names no node. */
function asAnyNode(attributes: Attributes): Attributes {
  const { user, verb, name } = attributes
  const keys = Object.keys(user.extra ?? {}).sort()
  const extra = { 'authentication.kubernetes.io/associated-node-keys': keys }
  return { ...attributes, user: { ...user, extra }, name: verb === 'impersonate:associated-node' ? '*' : name }
}

/** `impersonate-on:MODE:VERB` on what the request is about, and `impersonate:MODE` on who is impersonated. */
function constrained(
  mode: string,
  applies: ImpersonationMode['applies'],
  view: (attributes: Attributes) => Attributes = (attributes) => attributes,
): ImpersonationMode {
  return {
    applies,
    async check(wanted, { attributes, authorizer }) {
      const ask = async (asked: Attributes) => demand(authorizer, view(asked))
      await ask({ ...attributes, verb: `impersonate-on:${mode}:${attributes.verb}` })
      const verb = `impersonate:${mode}`
      const user = await become(wanted, { verb, isConstrained: true, requestor: attributes.user, ask })
      return { user, constraint: verb }
    },
  }
}

const unconstrained: ImpersonationMode = {
  applies: () => true,
  check: async (wanted, { attributes, authorizer }) => {
    const ask = async (asked: Attributes) => demand(authorizer, asked)
    return { user: await become(wanted, { verb: 'impersonate', isConstrained: false, requestor: attributes.user, ask }) }
  },
}

/** In the order in which they are asked. */
export const impersonationModes: readonly ImpersonationMode[] = [
  constrained('associated-node', (wanted, requestor) => isOnlyName(wanted) && isOwnNode(requestor, wanted.name), asAnyNode),
  constrained('arbitrary-node', (wanted) => isOnlyName(wanted) && nodeOf(wanted.name) !== undefined),
  constrained('serviceaccount', (wanted) => isOnlyName(wanted) && splitServiceAccountUsername(wanted.name) !== undefined),
  constrained('user-info', ({ name }) => nodeOf(name) === undefined && splitServiceAccountUsername(name) === undefined),
  unconstrained,
]

interface Becoming {
  readonly verb: string
  readonly isConstrained: boolean
  readonly requestor: User
  /** Throws the 403. */
  ask(attributes: Attributes): Promise<void>
}

/** Each field that is asked for is asked about. */
async function become(wanted: WantedUser, how: Becoming): Promise<User> {
  const { name, uid, extra } = wanted
  await how.ask(nameAttributes(wanted, how))
  if (uid) await how.ask(about(how, { group: authentication, resource: 'uids', name: uid }))
  await askGroups(wanted.groups, how)
  await askExtra(extra, how)
  const groups = ownGroups(wanted, how)
  const status = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'
  const isKnown = groups.includes(status) || groups.includes('system:unauthenticated')
  const all = isKnown ? groups : [...groups, status]
  return { name, groups: all, ...(uid && { uid }), ...(Object.keys(extra).length > 0 && { extra: { ...extra } }) }
}

const authentication = 'authentication.k8s.io'

type Asked = Pick<Attributes, 'group' | 'resource' | 'name'> & Partial<Pick<Attributes, 'subresource' | 'namespace'>>

function about({ requestor, verb }: Becoming, asked: Asked): Attributes {
  return { user: requestor, verb, isResource: true, path: '', version: 'v1', subresource: '', namespace: '', ...asked }
}

/** Names and groups stood in the core group before there were modes. */
function groupFor({ isConstrained }: Becoming): string {
  return isConstrained ? authentication : ''
}

function nameAttributes({ name }: WantedUser, how: Becoming): Attributes {
  const group = groupFor(how)
  const account = splitServiceAccountUsername(name)
  if (account) return about(how, { group, resource: 'serviceaccounts', ...account })
  const node = how.isConstrained ? nodeOf(name) : undefined
  if (node) return about(how, { group, resource: 'nodes', name: node })
  return about(how, { group, resource: 'users', name })
}

/** Nodes and service accounts have groups of their own when none are named. */
function ownGroups({ name, groups }: WantedUser, { isConstrained }: Becoming): readonly string[] {
  if (isConstrained && nodeOf(name)) return ['system:nodes']
  const account = splitServiceAccountUsername(name)
  return account && groups.length === 0 ? serviceAccountGroups(account.namespace) : groups
}

/** As many checks as this are first tried as one, of everything. */
const manyChecks = 4

async function askGroups(groups: readonly string[], how: Becoming): Promise<void> {
  const asked = (name: string) => about(how, { group: groupFor(how), resource: 'groups', name })
  if (how.isConstrained) {
    if (groups.includes('')) throw forbiddenRequest(asked(''), 'impersonating the empty string group is not allowed')
    if (groups.includes(systemMasters)) {
      throw forbiddenRequest(asked(systemMasters), 'impersonating the system:masters group is not allowed')
    }
    if (groups.length >= manyChecks && (await isAllowed(asked('*'), how))) return
  }
  for (const group of groups) await how.ask(asked(group))
}

async function askExtra(extra: WantedUser['extra'], how: Becoming): Promise<void> {
  const asked = (subresource: string, name: string) =>
    about(how, { group: authentication, resource: 'userextras', subresource, name })
  const entries = Object.entries(extra)
  if (how.isConstrained) {
    const why = entries.map(badExtra).find(Boolean)
    if (why) throw forbiddenRequest(asked('', ''), why)
    const count = entries.reduce((sum, [, list]) => sum + list.length, 0)
    if (count >= manyChecks && (await isAllowed(asked('*', '*'), how))) return
  }
  for (const [key, list] of entries) for (const value of list) await how.ask(asked(key, value))
}

function badExtra([key, list]: readonly [string, readonly string[]]): string | undefined {
  if (!key) return 'impersonating the empty string key in extra is not allowed'
  const [domain = '', ...path] = key.split('/')
  if (path.length === 0 || path.includes('') || isDns1123Subdomain(domain).length > 0) {
    return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${JSON.stringify(key)}: must be a domain-prefixed path (such as "acme.io/foo")`
  }
  if (list.length === 0) return 'impersonating empty values in extra is not allowed'
  return list.includes('') ? 'impersonating the empty string value in extra is not allowed' : undefined
}

async function isAllowed(attributes: Attributes, how: Becoming): Promise<boolean> {
  try {
    await how.ask(attributes)
    return true
  } catch {
    return false
  }
}
