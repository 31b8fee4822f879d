/**
 * Shapes as people write them: a number of nodes, or YAML.
 *
 *     nodes:
 *     - name: small
 *       count: 4000
 *       cpu: 4
 *       memory: 32Gi
 *       zones: [a, b, c]
 *     - name: gpu
 *       count: 100
 *       resources: { nvidia.com/gpu: 8 }
 *       taints: [nvidia.com/gpu=true:NoSchedule]
 *     pods:
 *       start: 200ms..2s
 *       stop: 1s
 *       run: 5s
 *       failures: { share: 0.01, after: 10s, exitCode: 1 }
 *     failures: { every: 24h, lasting: 2m..5m }
 *
 * `pods` and `failures` may also stand in a node's entry, for nodes of that shape.
 */
import { parseQuantity } from '#schema/quantity.ts'
import { parseYaml } from '#schema/yaml.ts'
import type { Behaviour, NodeShape, SimulatedTaint, Span } from './shapes.ts'
import { milliseconds, parseSpan } from './wishes.ts'

/** What is wrong with a text, and where in it. */
export class ShapesError extends Error {}

type Fields = Readonly<Record<string, unknown>>

/** `name`: of the nodes, where the text is but a number. */
export function parseShapes(text: string, name?: string): readonly NodeShape[] {
  if (/^\d+$/.test(text.trim())) return [{ name: nameAt(name, 'the name'), count: Number(text) }]
  const documents = parseYaml(text)
  const value = documents[0]?.value
  const root = fields(value, 'the file')
  only(root, 'the file', ['nodes', 'pods', 'failures'])
  const shared = behaviourOf(root, '')
  const { nodes } = root
  if (!Array.isArray(nodes)) throw new ShapesError('nodes: a list of shapes is wanted')
  const shapes = nodes.map((node, index) => shapeOf(fields(node, `nodes[${index}]`), `nodes[${index}]`, shared))
  const names = shapes.map(({ name }) => name ?? 'simulated')
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new ShapesError(`nodes: two shapes are called ${twice}`)
  return shapes
}

const known = [
  ...['name', 'count', 'cpu', 'memory', 'podLimit', 'ephemeralStorage', 'resources', 'reserved', 'labels', 'annotations'],
  ...['region', 'zones', 'taints', 'architecture', 'images', 'pods', 'failures'],
]

function shapeOf(node: Fields, at: string, shared: Behaviour): NodeShape {
  only(node, at, known)
  const own = behaviourOf(node, `${at}.`)
  const text = (name: string) => (node[name] === undefined ? undefined : String(node[name]))
  const amount = (name: string) => quantityAt(node[name], `${at}.${name}`)
  const texts = (name: string) => (node[name] === undefined ? undefined : textsOf(fields(node[name], `${at}.${name}`)))
  const amounts = (name: string) =>
    node[name] === undefined ? undefined : amountsOf(fields(node[name], `${at}.${name}`), `${at}.${name}`)
  return {
    name: nameAt(text('name'), `${at}.name`),
    count: countAt(node.count, `${at}.count`),
    ...{ cpu: amount('cpu'), memory: amount('memory'), pods: amount('podLimit') },
    ephemeralStorage: amount('ephemeralStorage'),
    ...{ resources: amounts('resources'), reserved: amounts('reserved') },
    ...{ labels: texts('labels'), annotations: texts('annotations') },
    ...{ region: text('region'), architecture: text('architecture') },
    zones: node.zones === undefined ? undefined : list(node.zones, `${at}.zones`).map(String),
    taints: node.taints === undefined ? undefined : list(node.taints, `${at}.taints`).map((one) => taintOf(one, `${at}.taints`)),
    images: imagesAt(node.images, `${at}.images`),
    behaviour: { ...shared, ...own },
  }
}

function behaviourOf(from: Fields, at: string): Behaviour {
  const pods = from.pods === undefined ? {} : fields(from.pods, `${at}pods`)
  only(pods, `${at}pods`, ['start', 'stop', 'run', 'failures'])
  const span = (name: 'start' | 'stop' | 'run') =>
    pods[name] === undefined ? {} : { [name]: spanAt(pods[name], `${at}pods.${name}`) }
  return {
    ...span('start'),
    ...span('stop'),
    ...span('run'),
    ...(pods.failures !== undefined && {
      podFailures: podFailures(fields(pods.failures, `${at}pods.failures`), `${at}pods.failures`),
    }),
    ...(from.failures !== undefined && { nodeFailures: nodeFailures(fields(from.failures, `${at}failures`), `${at}failures`) }),
  }
}

function podFailures(from: Fields, at: string) {
  only(from, at, ['share', 'after', 'exitCode'])
  const share = Number(from.share)
  if (!(share >= 0 && share <= 1)) throw new ShapesError(`${at}.share: a number from 0 to 1 is wanted`)
  return {
    share,
    ...(from.after !== undefined && { after: spanAt(from.after, `${at}.after`) }),
    ...(from.exitCode !== undefined && { exitCode: Number(from.exitCode) }),
  }
}

function nodeFailures(from: Fields, at: string) {
  only(from, at, ['every', 'lasting'])
  return {
    every: guarded(`${at}.every`, () => milliseconds(String(from.every))),
    ...(from.lasting !== undefined && { lasting: spanAt(from.lasting, `${at}.lasting`) }),
  }
}

function spanAt(value: unknown, at: string): Span {
  return guarded(at, () => parseSpan(String(value)))
}

/** `key=value:Effect`, or `key:Effect`, as kubectl's. */
function taintOf(value: unknown, at: string): SimulatedTaint {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(String(value))
  if (!match) throw new ShapesError(`${at}: ${JSON.stringify(value)} is no taint: key=value:NoSchedule`)
  const [, key = '', text, effect] = match
  return { key, ...(text && { value: text }), effect: effect as SimulatedTaint['effect'] }
}

function imagesAt(value: unknown, at: string): Record<string, number> | undefined {
  if (value === undefined) return undefined
  return Object.fromEntries(Object.entries(fields(value, at)).map(([name, size]) => [name, Number(size)]))
}

function nameAt(name: string | undefined, at: string): string | undefined {
  if (name === undefined || /^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/.test(name)) return name
  throw new ShapesError(`${at}: ${JSON.stringify(name)} cannot begin the name of a node`)
}

function countAt(value: unknown, at: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw new ShapesError(`${at}: a whole number is wanted`)
}

function quantityAt(value: unknown, at: string): string | undefined {
  if (value === undefined) return undefined
  guarded(at, () => parseQuantity(String(value)))
  return String(value)
}

function amountsOf(value: Fields, at: string): Record<string, string> {
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, quantityAt(one, `${at}.${name}`) ?? '0']))
}

function textsOf(value: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]))
}

function list(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ShapesError(`${at}: a list is wanted`)
}

function fields(value: unknown, at: string): Fields {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Fields
  throw new ShapesError(`${at}: fields with values are wanted`)
}

function only(value: Fields, at: string, names: readonly string[]): void {
  const other = Object.keys(value).find((name) => !names.includes(name))
  if (other !== undefined) throw new ShapesError(`${at}: nothing is called ${other} here, only ${names.join(', ')}`)
}

function guarded<T>(at: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ShapesError(`${at}: ${(error as Error).message}`, { cause: error })
  }
}
