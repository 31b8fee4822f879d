/**
 * Custom resources come and go with their definitions: in the same tick in which the server's own cache sees a definition, its kinds
 * stand in the kind table, from which everything else (discovery, OpenAPI, registry) reads.
 */

import { compareVersions, customKind } from '#api/apiextensions/v1/custom-kinds.ts'
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { isTrue } from '#api/apiextensions/v1/custom-resource-definition-status.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'
import { cleanup } from './cleanup.ts'
import { plannedStatus } from './conditions.ts'
import { conversionWebhook } from './conversion-webhook.ts'
import { storedForm } from './stored-form.ts'

const retryAfter = 1_000

/** What is served of one definition. */
interface Served {
  readonly definition: CustomResourceDefinition
  readonly place: Kind
  readonly kinds: readonly Kind[]
}

/** Serves what is there already before it returns, and what comes as it comes. */
export function serveCustomResources(registry: Registry, signal: AbortSignal): void {
  const served = new Map<string, Served>()
  const settle = settler(registry, signal)
  const refresh = () => {
    const definitions = registry.lister.list(CustomResourceDefinition)
    const there = new Set(definitions.map(({ metadata }) => metadata.uid))
    for (const [uid, one] of served) {
      if (there.has(uid)) continue
      withdraw(registry, one.kinds)
      registry.forget(one.place)
      served.delete(uid)
    }
    for (const definition of definitions) {
      const old = served.get(definition.metadata.uid)
      if (old?.definition !== definition) serve(registry, served, definition)
    }
    for (const definition of definitions) settle(definition)
  }
  refresh()
  registry.lister.onChange?.(CustomResourceDefinition, () => {
    if (!signal.aborted) refresh()
  })
}

function serve(registry: Registry, served: Map<string, Served>, definition: CustomResourceDefinition): void {
  const { uid } = definition.metadata
  const old = served.get(uid)
  if (old && isSameToClients(old.definition, definition)) {
    served.set(uid, { ...old, definition })
    return
  }
  const place = old?.place ?? placeOf(definition)
  const isTerminating = () => isTrue(served.get(uid)?.definition ?? definition, 'Terminating')
  const kinds = kindsOf(registry, definition, place).map((kind) => withTermination(kind, isTerminating))
  if (old) withdraw(registry, old.kinds)
  for (const kind of kinds) registry.kinds.add(kind)
  served.set(uid, { definition, place, kinds })
}

function kindsOf(registry: Registry, definition: CustomResourceDefinition, place: Kind): readonly Kind[] {
  if (!isTrue(definition, 'Established')) return []
  const { group, conversion } = definition.spec
  const far = conversion?.strategy === 'Webhook' ? conversionWebhook(definition, registry) : undefined
  const versions = definition.spec.versions.filter((version) => version.served)
  return versions
    .toSorted((a, b) => compareVersions(a.name, b.name))
    .filter(({ name }) => !isBuiltIn(registry, { group, version: name, resource: definition.spec.names.plural }))
    .map((version) => {
      const apiVersion = `${group}/${version.name}`
      return customKind(definition, version, storedForm({ definition, place, apiVersion, far }))
    })
}

/** The end of a definition begins while its kinds stay: nothing that is watched is interrupted by it. */
function withTermination(kind: Kind, isTerminating: () => boolean): Kind {
  const { custom } = kind.def
  if (!custom) return kind
  const ending = {
    ...custom,
    get isTerminating() {
      return isTerminating()
    },
  }
  return { ...kind, def: { ...kind.def, custom: ending } }
}

function isBuiltIn({ kinds }: Registry, address: { group: string; version: string; resource: string }): boolean {
  const kind = kinds.find(address)
  return kind !== undefined && !kind.def.custom
}

/** All versions share one place in the store, and one cache. */
function placeOf({ spec, metadata }: CustomResourceDefinition): Kind {
  const { group, names, scope } = spec
  const [version] = spec.versions
  const kind = customKind(
    { spec, metadata, status: { acceptedNames: names, conditions: [], storedVersions: [] } } as never,
    version as never,
  )
  return { ...kind, namespaced: scope === 'Namespaced', group }
}

/** Watches of what is withdrawn end: their clients come again, and find what is served now. */
function withdraw(registry: Registry, kinds: readonly Kind[]): void {
  for (const kind of kinds) {
    registry.kinds.remove(kind)
    registry.forget(kind)
  }
}

function isSameToClients(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  const text = (definition: CustomResourceDefinition) => JSON.stringify([definition.spec, definition.status.acceptedNames])
  return isTrue(a, 'Established') === isTrue(b, 'Established') && text(a) === text(b)
}

/** Brings each definition's status to what it ought to be, one write at a time; what fails is tried again. */
function settler(registry: Registry, signal: AbortSignal): (definition: CustomResourceDefinition) => void {
  const busy = new Set<string>()
  const { client, clock, lister, onError } = registry
  const newest = (name: string) => lister.get(CustomResourceDefinition, name)
  const step = async (definition: CustomResourceDefinition) => {
    if (definition.metadata.deletionTimestamp) return cleanup(registry, definition, signal)
    const group = lister.list(CustomResourceDefinition).filter(({ spec }) => spec.group === definition.spec.group)
    const status = plannedStatus(definition, group, clock.now())
    if (status === definition.status) return
    await client.update(CustomResourceDefinition, { ...definition, status } as never, { subresource: 'status', signal })
  }
  const settle = (definition: CustomResourceDefinition) => {
    const { name } = definition.metadata
    if (busy.has(name) || signal.aborted || !needsWork(definition, registry)) return
    busy.add(name)
    const done = () => {
      busy.delete(name)
      const now = newest(name)
      if (now && now !== definition) settle(now)
    }
    const failed = (error: unknown) => {
      const isPassing = hasReason(error, 'Conflict', 'NotFound')
      if (!isPassing && !signal.aborted) onError?.(error, `custom resource definition ${name}`)
      if (isPassing) return done()
      clock.after(retryAfter, () => {
        busy.delete(name)
        const now = newest(name)
        if (now) settle(now)
      })
    }
    step(definition).then(done, failed)
  }
  return settle
}

function needsWork(definition: CustomResourceDefinition, { lister, clock }: Registry): boolean {
  if (definition.metadata.deletionTimestamp) return true
  const group = lister.list(CustomResourceDefinition).filter(({ spec }) => spec.group === definition.spec.group)
  return plannedStatus(definition, group, clock.now()) !== definition.status
}
