/** The policies in force, compiled, with their bindings: made anew when one of them changes, not for every request. */
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { AdmissionRequest, Lister } from '../plugin.ts'
import { type Match, matcherOf } from './match.ts'

export interface Hook<Policy, Binding, Compiled> {
  readonly policy: Policy
  readonly compiled: Compiled
  readonly matches: Match
  readonly bindings: readonly { readonly binding: Binding; readonly matches: Match }[]
}

interface PolicyLike extends KubeObject {
  readonly spec: { readonly matchConstraints?: Parameters<typeof matcherOf>[0] }
}

interface BindingLike extends KubeObject {
  readonly spec: { readonly policyName?: string | undefined; readonly matchResources?: Parameters<typeof matcherOf>[0] }
}

interface Kinds<Policy extends PolicyLike, Binding extends BindingLike, Compiled> {
  readonly policy: Kind<string, Policy>
  readonly binding: Kind<string, Binding>
  compile(policy: Policy): Compiled
}

interface State<H> {
  hooks: readonly H[] | undefined
  /** Hooks whose rules can be about a resource, by its name. */
  readonly byResource: Map<string, readonly H[]>
}

export class PolicySource<Policy extends PolicyLike, Binding extends BindingLike, Compiled> {
  readonly #kinds: Kinds<Policy, Binding, Compiled>
  readonly #states = new WeakMap<Lister, State<Hook<Policy, Binding, Compiled>>>()
  readonly #compiled = new Map<string, { readonly generation: number; readonly compiled: Compiled }>()

  constructor(kinds: Kinds<Policy, Binding, Compiled>) {
    this.#kinds = kinds
  }

  /** In the order of the policies' names. Only those whose rules name the resource of the request. */
  hooks({ kind, subresource }: AdmissionRequest, lister: Lister): readonly Hook<Policy, Binding, Compiled>[] {
    const state = this.#state(lister)
    state.hooks ??= this.#make(lister)
    if (state.hooks.length === 0) return state.hooks
    const key = `${kind.plural}/${subresource}`
    let found = state.byResource.get(key)
    if (!found) {
      found = state.hooks.filter(({ policy }) => namesResource(policy, kind.plural, subresource))
      state.byResource.set(key, found)
    }
    return found
  }

  #state(lister: Lister): State<Hook<Policy, Binding, Compiled>> {
    const known = this.#states.get(lister)
    if (known && lister.onChange) return known
    const state: State<Hook<Policy, Binding, Compiled>> = { hooks: undefined, byResource: new Map() }
    this.#states.set(lister, state)
    const forget = () => {
      state.hooks = undefined
      state.byResource.clear()
    }
    for (const kind of [this.#kinds.policy, this.#kinds.binding]) lister.onChange?.(kind, forget)
    return state
  }

  #make(lister: Lister): Hook<Policy, Binding, Compiled>[] {
    const bindings = byName(lister.list(this.#kinds.binding))
    const policies = byName(lister.list(this.#kinds.policy))
    const uids = new Set(policies.map(({ metadata }) => metadata.uid))
    for (const uid of this.#compiled.keys()) if (!uids.has(uid)) this.#compiled.delete(uid)
    return policies.flatMap((policy) => {
      const own = bindings.filter(({ spec }) => spec.policyName === policy.metadata.name)
      if (own.length === 0) return []
      return [
        {
          policy,
          compiled: this.#compile(policy),
          matches: matcherOf(policy.spec.matchConstraints),
          bindings: own.map((binding) => ({ binding, matches: matcherOf(binding.spec.matchResources) })),
        },
      ]
    })
  }

  #compile(policy: Policy): Compiled {
    const { uid = '', generation = 0 } = policy.metadata
    const known = this.#compiled.get(uid)
    if (known && known.generation === generation) return known.compiled
    const compiled = this.#kinds.compile(policy)
    this.#compiled.set(uid, { generation, compiled })
    return compiled
  }
}

function byName<T extends KubeObject>(objects: readonly T[]): T[] {
  return objects.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

function namesResource({ spec }: PolicyLike, plural: string, subresource: string): boolean {
  return (spec.matchConstraints?.resourceRules ?? []).some(({ resources = [] }) =>
    resources.some((pattern) => {
      const [resource, sub = ''] = pattern.split('/', 2)
      return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource)
    }),
  )
}
