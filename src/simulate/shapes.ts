/** What simulated nodes look like and how the pods on them fare. */

/** Milliseconds; between the two, evenly. */
export interface Span {
  readonly least: number
  readonly most: number
}

export interface SimulatedTaint {
  readonly key: string
  readonly value?: string | undefined
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** `count` equal nodes, called `NAME-0`, `NAME-1`, ... */
export interface NodeShape {
  /** Default `simulated`. */
  readonly name?: string | undefined
  /** Default 1. */
  readonly count?: number | undefined
  /** Quantities. Defaults 4, 32Gi, 110, 100Gi. */
  readonly cpu?: string | undefined
  readonly memory?: string | undefined
  readonly pods?: string | undefined
  readonly ephemeralStorage?: string | undefined
  /** Further resources: `nvidia.com/gpu: "8"`. */
  readonly resources?: Readonly<Record<string, string>> | undefined
  /** What is kept back for the machine itself; the rest is allocatable. */
  readonly reserved?: Readonly<Record<string, string>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly region?: string | undefined
  /** The nodes take turns in these zones. */
  readonly zones?: readonly string[] | undefined
  readonly taints?: readonly SimulatedTaint[] | undefined
  /** Default amd64. */
  readonly architecture?: string | undefined
  /** Names and sizes in bytes of images that lie on the nodes. */
  readonly images?: Readonly<Record<string, number>> | undefined
  readonly behaviour?: Behaviour | undefined
}

/** How long things take, and what goes wrong. */
export interface Behaviour {
  /** From the binding to Running. Default: at once. */
  readonly start?: Span | undefined
  /** From the deletion to the end, within the grace period. Default: at once. */
  readonly stop?: Span | undefined
  /** After which containers end well where `restartPolicy` is not Always. Default one second. */
  readonly run?: Span | undefined
  readonly podFailures?: PodFailures | undefined
  readonly nodeFailures?: NodeFailures | undefined
}

export interface PodFailures {
  /** Share of the starts after which a container ends badly, from 0 to 1. */
  readonly share: number
  /** From the start. Default: at once. */
  readonly after?: Span | undefined
  /** Default 1. */
  readonly exitCode?: number | undefined
}

/** A node that fails says nothing for a while and does nothing. */
export interface NodeFailures {
  /** Mean time between two failures of one node, in milliseconds. */
  readonly every: number
  /** Default one minute. */
  readonly lasting?: Span | undefined
}

export const instantly: Span = { least: 0, most: 0 }

/** Says which nodes are simulated, and of which shape they are. */
export const shapeLabel = 'simulate.nami/shape'

/** Says what of a node its shape has put there, so that another shape can take it away; what others put there stays. */
export const ownAnnotation = 'simulate.nami/own'

export interface Own {
  readonly labels?: readonly string[]
  readonly annotations?: readonly string[]
  /** `KEY:EFFECT`. */
  readonly taints?: readonly string[]
}

/** Undefined where it has put nothing there beside what every node has. */
export function ownOf({ labels = {}, annotations = {}, taints = [], region, zones = [] }: NodeShape): Own | undefined {
  const names = [
    ...(region === undefined ? [] : ['topology.kubernetes.io/region']),
    ...(zones.length === 0 ? [] : ['topology.kubernetes.io/zone']),
    ...Object.keys(labels),
  ]
  const own = {
    ...(names.length > 0 && { labels: names }),
    ...(Object.keys(annotations).length > 0 && { annotations: Object.keys(annotations) }),
    ...(taints.length > 0 && { taints: taints.map(({ key, effect }) => `${key}:${effect}`) }),
  }
  return Object.keys(own).length > 0 ? own : undefined
}

export interface WantedNode {
  readonly name: string
  /** Among those of its shape. */
  readonly index: number
  readonly shape: NodeShape
}

/** Every node of these shapes; of two with one name the first counts. */
export function wantedNodes(shapes: readonly NodeShape[]): readonly WantedNode[] {
  const nodes = new Map<string, WantedNode>()
  for (const shape of shapes) {
    for (let index = 0; index < (shape.count ?? 1); index++) {
      const name = `${shape.name ?? 'simulated'}-${index}`
      if (!nodes.has(name)) nodes.set(name, { name, index, shape })
    }
  }
  return [...nodes.values()]
}
