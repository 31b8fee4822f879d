/** What the API is told of the node's CSI drivers: the CSINode object, and annotation and labels of the Node (upstream `nodeinfomanager`). */
import { Node } from '#api/core/v1/node.ts'
import { CSINode, type CSINodeDriver } from '#api/storage/v1/csi-node.ts'
import type { Client } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import type { NodeInfo } from './csi-node-service.ts'

const nodeIds = 'csi.volume.kubernetes.io/nodeid'

/** In-tree volumes that CSI drivers serve, which schedulers look up here. */
const migrated = {
  'storage.alpha.kubernetes.io/migrated-plugins': [
    'kubernetes.io/aws-ebs',
    'kubernetes.io/azure-disk',
    'kubernetes.io/azure-file',
    'kubernetes.io/cinder',
    'kubernetes.io/gce-pd',
    'kubernetes.io/portworx-volume',
    'kubernetes.io/vsphere-volume',
  ].join(','),
}
const attempts = 4
const largestLimit = 2 ** 31 - 1

/** Writes come one after another: each reads what the one before has written. */
export class NodeRecord {
  readonly #client: Client
  readonly #nodeName: string
  #last: Promise<unknown> = Promise.resolve()

  constructor({ client, nodeName }: { readonly client: Client; readonly nodeName: string }) {
    this.#client = client
    this.#nodeName = nodeName
  }

  /** Makes the CSINode object where there is none. */
  async begin(): Promise<void> {
    await this.#inTurn(() => this.#csiNode())
  }

  async install(driver: string, info: NodeInfo): Promise<void> {
    if (!info.nodeId) throw new Error('error adding CSI driver node info: driverNodeID must not be empty')
    await this.#inTurn(async () => {
      await checked('error updating Node object with CSI driver node info', () => this.#installInNode(driver, info))
      await checked('error updating CSINode object with CSI driver node info', () =>
        this.#updateDrivers((drivers) => [...drivers.filter(({ name }) => name !== driver), entryOf(driver, info)]),
      )
    })
  }

  async uninstall(driver: string): Promise<void> {
    await this.#inTurn(async () => {
      await checked('error uninstalling CSI driver from CSINode object', () =>
        this.#updateDrivers((drivers) => drivers.filter(({ name }) => name !== driver)),
      )
      await checked('error removing CSI driver node info from Node object', async () => {
        const node = await this.#client.get(Node, { name: this.#nodeName })
        const { [driver]: gone, ...ids } = idsOf(node)
        if (gone === undefined) return
        const annotations = { [nodeIds]: Object.keys(ids).length > 0 ? JSON.stringify(ids) : null }
        await this.#client.patch(Node, node, { type: 'merge', body: { metadata: { annotations } } })
      })
    })
  }

  async #inTurn(write: () => Promise<unknown>): Promise<void> {
    const own = this.#last.then(write, write)
    this.#last = own.catch(() => {})
    await own
  }

  async #installInNode(driver: string, { nodeId, topology }: NodeInfo): Promise<void> {
    const node = await this.#client.get(Node, { name: this.#nodeName })
    for (const [key, value] of Object.entries(topology)) {
      const known = node.metadata.labels?.[key]
      if (known === undefined || known === value) continue
      const reported = `driver reported ${JSON.stringify(key)}:${JSON.stringify(value)}`
      const existing = `existing label is ${JSON.stringify(key)}:${JSON.stringify(known)}`
      throw new Error(`detected topology value collision: ${reported} but ${existing}`)
    }
    const ids = idsOf(node)
    const isLabelled = Object.keys(topology).every((key) => node.metadata.labels?.[key] !== undefined)
    if (ids[driver] === nodeId && isLabelled) return
    const annotations = { [nodeIds]: JSON.stringify({ ...ids, [driver]: nodeId }) }
    await this.#client.patch(Node, node, { type: 'merge', body: { metadata: { annotations, labels: topology } } })
  }

  async #updateDrivers(change: (drivers: readonly CSINodeDriver[]) => CSINodeDriver[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#csiNode()
      const drivers = change(found.spec.drivers)
      if (JSON.stringify(drivers) === JSON.stringify(found.spec.drivers)) return
      try {
        await this.#client.update(CSINode, { ...found, spec: { ...found.spec, drivers } })
        return
      } catch (error) {
        if (attempt === attempts || !hasReason(error, 'Conflict')) throw error
      }
    }
  }

  async #csiNode(): Promise<CSINode> {
    const name = this.#nodeName
    try {
      return await this.#client.get(CSINode, { name })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
    const { uid } = (await this.#client.get(Node, { name })).metadata
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }]
    return await this.#client.create(CSINode, {
      metadata: { name, ownerReferences, annotations: migrated },
      spec: { drivers: [] },
    })
  }
}

function entryOf(name: string, { nodeId, maxVolumes, topology }: NodeInfo): CSINodeDriver {
  const topologyKeys = Object.keys(topology).sort()
  return {
    name,
    nodeID: nodeId,
    topologyKeys: topologyKeys.length > 0 ? topologyKeys : null,
    ...(maxVolumes > 0 && { allocatable: { count: Math.min(maxVolumes, largestLimit) } }),
  } as CSINodeDriver
}

/** Throws where somebody wrote there what is no JSON: it is not overwritten. */
function idsOf({ metadata }: Node): Record<string, string> {
  return JSON.parse(metadata.annotations?.[nodeIds] || '{}')
}

async function checked<T>(about: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw new Error(`${about}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
