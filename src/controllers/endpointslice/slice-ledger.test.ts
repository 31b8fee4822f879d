import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { keyOf } from '#client/indexed-store.ts'
import { node } from '#testing/make.ts'
import { type Dice, holdsForAll } from '#testing/property.ts'
import { planEndpoints } from '../endpoints/endpoints.ts'
import { ServicePlaces } from '../endpoints/service-places.ts'
import type { Changes } from '../runtime/controller.ts'
import { ServiceBackends } from './backends.ts'
import { endpointKey, portsKey } from './endpoint.ts'
import { mostPerSlice, planSlices } from './plan.ts'

const service = {
  metadata: { name: 'web', namespace: 'default', uid: 'u', labels: {} },
  spec: { clusterIP: '10.96.0.5', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
} as unknown as Service

interface Form {
  readonly at: number
  readonly port: number
  readonly ready: boolean
  readonly labelled: boolean
}

const podOf = ({ at, port, ready, labelled }: Form): Pod =>
  ({
    metadata: { name: `p${at}`, namespace: 'default', uid: `u${at}`, labels: { app: labelled ? 'web' : 'other' } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', ports: [{ name: 'http', containerPort: port }] }] },
    status: {
      phase: 'Running',
      podIP: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }) as unknown as Pod

/** Pods as `Cluster.changes` tells of them, and how many of them somebody has looked at. */
class Told {
  readonly pods = new Map<string, Pod>()
  readonly looked = new Set<string>()
  readonly #watched = new Map<string, Pod>()
  #noted: Set<string> | undefined

  set(pod: Pod): void {
    const key = keyOf(pod.metadata)
    const looked = this.looked
    this.pods.set(key, pod)
    this.#watched.set(
      key,
      new Proxy(pod, {
        get: (target, name) => {
          looked.add(key)
          return Reflect.get(target, name)
        },
      }),
    )
    this.#noted?.add(key)
  }

  delete(pod: Pod): void {
    this.pods.delete(keyOf(pod.metadata))
    this.#watched.delete(keyOf(pod.metadata))
    this.#noted?.add(keyOf(pod.metadata))
  }

  readonly get = (kind: unknown): any => (kind === Node ? node('n1') : undefined)

  readonly changes = (_: unknown, __: unknown, { whole = false } = {}): Changes => {
    const noted = whole ? undefined : this.#noted
    const keys = noted ?? this.#watched.keys()
    const objects = new Map([...keys].map((key) => [key, this.#watched.get(key)]))
    this.#noted = new Set()
    return { whole: !noted, objects }
  }
}

let versions = 0

/** What the API server would make of the plan. */
function visit(backends: ServiceBackends, told: Told, slices: Map<string, EndpointSlice>): number {
  const { triggerTime } = backends.look(service, told as never)
  const [[family, ledger] = []] = backends.ledgers
  assert(family && ledger)
  const { backends: some, slices: existing, unchanged } = ledger.work([...slices.values()], { all: false })
  const plan = planSlices(service, { family, backends: some, existing, unchanged, triggerTime })
  const written = [...plan.create, ...plan.update].map((draft) => {
    const version = String(++versions)
    const metadata = { ...draft.metadata, name: draft.metadata?.name ?? `s${version}`, resourceVersion: version }
    return { ...draft, metadata, endpoints: [...(draft.endpoints ?? [])] } as EndpointSlice
  })
  for (const { metadata } of plan.delete) slices.delete(metadata.name)
  for (const slice of written) slices.set(slice.metadata.name, slice)
  const named = new Set([...plan.delete, ...plan.update].map(({ metadata }) => metadata.name))
  ledger.settle(unchanged, [...existing.filter(({ metadata }) => !named.has(metadata.name)), ...written])
  return plan.create.length + plan.update.length + plan.delete.length
}

function standing(slices: ReadonlyMap<string, EndpointSlice>): string[] {
  return [...slices.values()].flatMap(({ ports, endpoints }) => {
    assert(endpoints.length <= mostPerSlice)
    return endpoints.map((one) => `${portsKey(ports ?? [])} ${endpointKey(one)} ${one.conditions?.ready}`)
  })
}

test('a change of one pod of 5,000 looks at one pod and writes one slice', () => {
  const told = new Told()
  for (let at = 0; at < 5000; at++) told.set(podOf({ at, port: 8080, ready: true, labelled: true }))
  const backends = new ServiceBackends()
  const places = new ServicePlaces()
  const slices = new Map<string, EndpointSlice>()
  assert.equal(visit(backends, told, slices), 50)
  told.looked.clear()
  assert.equal(visit(backends, told, slices), 0)
  assert.equal(told.looked.size, 0)
  told.set(podOf({ at: 17, port: 8080, ready: false, labelled: true }))
  assert.equal(visit(backends, told, slices), 1)
  assert.deepEqual([...told.looked], ['default/p17'])

  const older = new Told()
  for (const pod of told.pods.values()) older.set(pod)
  places.look(service, older as never)
  older.looked.clear()
  older.set(podOf({ at: 17, port: 8080, ready: true, labelled: true }))
  older.set(podOf({ at: 18, port: 8080, ready: false, labelled: true }))
  places.look(service, older as never)
  const next = planEndpoints(service, { subsets: places.subsets(), current: undefined, triggerTime: undefined })
  assert.deepEqual([...older.looked], ['default/p17', 'default/p18'])
  assert.equal(next?.subsets?.[0]?.addresses?.length, 1000)
})

interface Step {
  readonly what: 'pod' | 'gone' | 'tamper' | 'drop'
  readonly form: Form
}

test('slices and Endpoints that are kept up to date change by change say what a look at everything says', () => {
  const draw = (dice: Dice): Step => ({
    what: (['pod', 'pod', 'pod', 'gone', 'tamper', 'drop'] as const)[dice.upTo(5)] ?? 'pod',
    form: { at: dice.upTo(250), port: 8080 + dice.upTo(2), ready: dice.upTo(1) === 0, labelled: dice.upTo(9) > 0 },
  })
  holdsForAll({ runs: 40, make: (dice) => ({ steps: dice.some(400, () => draw(dice)) }) }, ({ steps }) => {
    const told = new Told()
    const backends = new ServiceBackends()
    const places = new ServicePlaces()
    const older = new Told()
    const slices = new Map<string, EndpointSlice>()
    for (const { what, form } of steps) {
      const [slice] = [...slices.values()].slice(form.at % Math.max(1, slices.size))
      const pod = podOf(form)
      if (what === 'gone') told.delete(pod)
      else if (what === 'tamper' && slice) tamper(slice, slices)
      else if (what === 'drop' && slice) slices.delete(slice.metadata.name)
      else told.set(pod)
      if (what === 'gone') older.delete(pod)
      else if (what === 'pod') older.set(pod)
      if (what === 'pod' && form.at % 3) continue
      visit(backends, told, slices)
      places.look(service, older as never)
    }
    visit(backends, told, slices)
    assert.equal(visit(backends, told, slices), 0)
    const afresh = new Map<string, EndpointSlice>()
    visit(new ServiceBackends(), copyOf(told), afresh)
    assert.deepEqual(standing(slices).sort(), standing(afresh).sort())
    places.look(service, older as never)
    const whole = new ServicePlaces()
    whole.look(service, copyOf(older) as never)
    assert.deepEqual(places.subsets(), whole.subsets())
  })
})

function copyOf({ pods }: Told): Told {
  const copy = new Told()
  for (const pod of pods.values()) copy.set(pod)
  return copy
}

/** Somebody takes an endpoint out. */
function tamper(slice: EndpointSlice, slices: Map<string, EndpointSlice>): void {
  const metadata = { ...slice.metadata, resourceVersion: String(++versions) }
  slices.set(metadata.name, { ...slice, metadata, endpoints: slice.endpoints.slice(1) } as EndpointSlice)
}
