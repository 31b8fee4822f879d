/**
 * One simulated node: its Node, its Lease, and the pods on it (upstream `kubelet_node_status.go`, KEP-589).
 *
 * Guarantees: as long as it is up, the lease is renewed in time and the status every five minutes; a node that somebody else
 * deletes stays away.
 */
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { formatMicroTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Block, PodAddresses } from './addresses.ts'
import { adoption } from './adoption.ts'
import { draw, type Means } from './means.ts'
import { allocatableOf, nodeConditions, nodeObject } from './node-object.ts'
import { type Host, PodLife } from './pod-life.ts'
import { Room } from './room.ts'
import { type Behaviour, shapeLabel, type WantedNode } from './shapes.ts'

export const leaseNamespace = 'kube-node-lease'
const leaseSeconds = 40
/** Leases of many nodes are renewed in one go, so that the server reads, commits and answers them in one go. */
const renewTogether = 1_000
const reportEvery = 300_000
const usualFailure = { least: 60_000, most: 60_000 }

type LeaseMeta = Pick<Lease['metadata'], 'name' | 'namespace' | 'uid' | 'resourceVersion' | 'ownerReferences'>

export class SimulatedNode implements Host {
  readonly name: string
  readonly pods = new Map<string, PodLife>()
  readonly block: Block
  readonly room: Room
  isDown = false
  isGone = false
  /** The node object exists. */
  isRegistered = false
  #wanted: WantedNode
  #means: Means
  #addresses: PodAddresses
  #uid = ''
  #lease: LeaseMeta | undefined
  #lastRenewal = 0

  constructor(wanted: WantedNode, block: Block, means: Means) {
    this.name = wanted.name
    this.block = block
    this.#wanted = wanted
    this.#means = means
    this.#addresses = new PodAddresses(block)
    this.room = new Room(allocatableOf(wanted.shape))
  }

  get address(): string {
    return this.block.nodeAddress
  }

  get behaviour(): Behaviour {
    return this.#wanted.shape.behaviour ?? {}
  }

  get wanted(): WantedNode {
    return this.#wanted
  }

  takeAddress(): string {
    return this.#addresses.take()
  }

  keepAddress(address: string): void {
    this.#addresses.keep(address)
  }

  giveAddress(address: string): void {
    this.#addresses.give(address)
  }

  /** Makes the node, or takes over the one that an earlier run made. */
  async register(known: { readonly node?: Node | undefined; readonly lease?: Lease | undefined }): Promise<void> {
    const { wheel, random, signal } = this.#means
    this.#lease = known.lease && metaOf(known.lease)
    await this.#tryRegister(known.node)
    if (this.isGone || signal.aborted) return
    this.isRegistered = true
    await this.#renew()
    wheel.after(random.next() * this.#means.renewEvery(), () => this.#keepRenewing(), renewTogether)
    wheel.after(random.next() * reportEvery, () => this.#keepReporting())
    this.#planFailure()
  }

  async #tryRegister(known: Node | undefined): Promise<void> {
    const { client, signal, wheel, onError } = this.#means
    for (let pause = 200; !signal.aborted && !this.isGone; pause = Math.min(2 * pause, 7_000)) {
      try {
        this.#uid = (known ? await this.#adopt(known) : await client.create(Node, this.#object(), { signal })).metadata.uid
        return
      } catch (error) {
        if (signal.aborted) return
        if (hasReason(error, 'NotFound')) known = undefined
        else if (hasReason(error, 'AlreadyExists')) known = await this.#existing()
        else onError(error)
        if (this.isGone) return
        await new Promise<void>((resolve) => wheel.after(pause, resolve))
      }
    }
  }

  /** A machine's own node is nobody's to simulate. */
  async #existing(): Promise<Node | undefined> {
    const { client, signal, onError } = this.#means
    const node = await client.get(Node, { name: this.name }, { signal }).catch(() => undefined)
    if (!node || node.metadata.labels?.[shapeLabel] !== undefined) return node
    onError(new Error(`node ${this.name} exists and is not simulated`))
    this.isGone = true
    return undefined
  }

  async #adopt(node: Node): Promise<Node> {
    const { client, signal, clock } = this.#means
    const patches = adoption(node, this.#object(), clock.now())
    try {
      await client.patch(Node, node, { type: 'strategic', body: patches.node }, { signal })
    } catch (error) {
      if (!hasReason(error, 'Conflict')) throw error
      return this.#adopt(await client.get(Node, { name: this.name }, { signal }))
    }
    return client.patch(Node, node, { type: 'strategic', body: patches.status }, { signal, subresource: 'status' })
  }

  /** Its shape is another one now. */
  async change(wanted: WantedNode): Promise<void> {
    const { client, signal, onError } = this.#means
    this.#wanted = wanted
    try {
      const node = await client.get(Node, { name: this.name }, { signal })
      await this.#adopt(node)
      this.room.resize(allocatableOf(wanted.shape))
    } catch (error) {
      if (!hasReason(error, 'NotFound')) onError(error)
    }
  }

  /** Takes the node out of the cluster; what happens to its pods is for others to decide, as after the loss of a machine. */
  async remove(): Promise<void> {
    const { client, signal, onError } = this.#means
    this.isGone = true
    const failed = (error: unknown) => void (hasReason(error, 'NotFound') || signal.aborted || onError(error))
    await client.delete(Node, { name: this.name }, { signal }).catch(failed)
    await client.delete(Lease, { name: this.name, namespace: leaseNamespace }, { signal }).catch(failed)
  }

  podSeen(pod: Pod): void {
    const { uid } = pod.metadata
    let life = this.pods.get(uid)
    if (!life) this.pods.set(uid, (life = new PodLife(pod, this, this.#means)))
    life.update(pod)
  }

  podGone(uid: string): void {
    this.pods.get(uid)?.gone()
    this.pods.delete(uid)
  }

  #object() {
    const { version, clock } = this.#means
    return nodeObject({ wanted: this.#wanted, block: this.block, version, now: clock.now() })
  }

  #keepRenewing(): void {
    if (this.isGone) return
    const { wheel, heartbeats, renewEvery } = this.#means
    wheel.after(renewEvery() - renewTogether / 2, () => this.#keepRenewing(), renewTogether)
    if (!this.isDown) heartbeats.add(() => this.#renew())
  }

  async #renew(): Promise<void> {
    const { clock, signal, onError } = this.#means
    try {
      this.#lease = metaOf(await this.#writeLease())
      const now = clock.monotonic()
      // Whoever was silent for so long is taken for dead and has to say that it is not.
      if (this.#lastRenewal > 0 && now - this.#lastRenewal >= leaseSeconds * 1000) await this.#report(clock.now())
      this.#lastRenewal = now
    } catch (error) {
      this.#lease = undefined
      if (signal.aborted) return
      // The lease of a node goes with it.
      if (hasReason(error, 'NotFound', 'Conflict')) return this.#lookWhetherGone()
      onError(error)
    }
  }

  async #writeLease(): Promise<Lease> {
    const { client, clock, signal } = this.#means
    const renewTime = formatMicroTime(clock.now())
    const spec = { holderIdentity: this.name, leaseDurationSeconds: leaseSeconds, renewTime }
    const metadata = this.#lease ?? {
      name: this.name,
      namespace: leaseNamespace,
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: this.name, uid: this.#uid }],
    }
    if (this.#lease) return client.update(Lease, { metadata, spec }, { signal })
    return client.create(Lease, { metadata, spec }, { signal }).catch(async (error) => {
      if (!hasReason(error, 'AlreadyExists')) throw error
      const found = metaOf(await client.get(Lease, { name: this.name, namespace: leaseNamespace }, { signal }))
      return client.update(Lease, { metadata: { ...found, ownerReferences: metadata.ownerReferences }, spec }, { signal })
    })
  }

  async #lookWhetherGone(): Promise<void> {
    const { client, signal } = this.#means
    const node = await client.get(Node, { name: this.name }, { signal }).catch((error: unknown) => {
      return hasReason(error, 'NotFound') ? undefined : this
    })
    if (!node) this.isGone = true
  }

  #keepReporting(): void {
    if (this.isGone) return
    const { wheel, heartbeats } = this.#means
    wheel.after(reportEvery, () => this.#keepReporting())
    if (!this.isDown) heartbeats.add(() => this.#report())
  }

  /** `since`: when the node became ready, where that is news. */
  async #report(since?: number): Promise<void> {
    const { client, clock, signal, onError } = this.#means
    const conditions = nodeConditions(clock.now()).map(({ lastTransitionTime, ...condition }) => ({
      ...condition,
      ...(since !== undefined && { lastTransitionTime }),
    }))
    try {
      await client.patch(
        Node,
        { name: this.name },
        { type: 'strategic', body: { status: { conditions } } },
        { signal, subresource: 'status' },
      )
    } catch (error) {
      if (signal.aborted) return
      if (hasReason(error, 'NotFound')) this.isGone = true
      else onError(error)
    }
  }

  #planFailure(): void {
    const { nodeFailures } = this.behaviour
    if (!nodeFailures) return
    const { wheel, random } = this.#means
    wheel.after(-Math.log(1 - random.next()) * nodeFailures.every, () => {
      this.isDown = true
      wheel.after(draw(this.#means, nodeFailures.lasting ?? usualFailure), () => this.#comeBack())
    })
  }

  #comeBack(): void {
    this.isDown = false
    if (this.isGone) return
    const { heartbeats, clock } = this.#means
    heartbeats.add(() => this.#renew())
    heartbeats.add(() => this.#report(clock.now()))
    for (const pod of this.pods.values()) pod.resume()
    this.#planFailure()
  }
}

/** As little as an update needs: managed fields that are not sent stay. */
function metaOf({ metadata }: Lease): LeaseMeta {
  const { name, namespace, uid, resourceVersion, ownerReferences } = metadata
  return { name, namespace, uid, resourceVersion, ...(ownerReferences && { ownerReferences }) }
}
