/**
 * Claims that drivers were asked to prepare for pods of this node, and what came of it. Written down before a driver is asked and after it has answered,
 * so that an agent that comes later knows whom to tell that a claim is not used any more.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { InTurn } from '../csi/in-turn.ts'
import type { ClaimRef, PreparedDevice } from './dra-plugins.ts'

export interface KnownClaim extends ClaimRef {
  /** UIDs of the pods that use it. */
  pods: string[]
  isPrepared: boolean
  /** By driver. */
  devices: Record<string, readonly PreparedDevice[]>
}

export class PreparedClaims {
  readonly #file: string
  readonly #claims = new Map<string, KnownClaim>()
  readonly #writes = new InTurn()

  constructor(file: string) {
    this.#file = file
  }

  /**
   * A file that is not there, or says nothing sensible, is none. The machine may have been off meanwhile: before a new sandbox drivers are asked again, which
   * they bear.
   */
  async load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '[]')
    try {
      for (const claim of JSON.parse(text) as KnownClaim[]) this.#claims.set(keyOf(claim), { ...claim, isPrepared: false })
    } catch {
      this.#claims.clear()
    }
  }

  async save(): Promise<void> {
    await this.#writes.run('', async () => {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o750 })
      await writeFile(`${this.#file}.new`, JSON.stringify([...this.#claims.values()]), { mode: 0o600, flush: true })
      await rename(`${this.#file}.new`, this.#file)
    })
  }

  get(at: Pick<ClaimRef, 'namespace' | 'name'>): KnownClaim | undefined {
    return this.#claims.get(keyOf(at))
  }

  /** For the pod, without any devices yet if it is new. */
  add({ namespace, uid, name }: ClaimRef, drivers: readonly string[], pod: string): KnownClaim {
    const known = this.get({ namespace, name })
    if (known && known.uid !== uid) {
      const problem = `old ResourceClaim with same name ${name} and different UID ${known.uid} still exists`
      throw new Error(`${problem} (previous pod force-deleted?!)`)
    }
    const devices = Object.fromEntries(drivers.map((driver) => [driver, []]))
    const claim = known ?? { namespace, uid, name, pods: [], isPrepared: false, devices }
    if (!claim.pods.includes(pod)) claim.pods = [...claim.pods, pod]
    this.#claims.set(keyOf(claim), claim)
    return claim
  }

  delete(claim: KnownClaim): void {
    if (this.get(claim) === claim) this.#claims.delete(keyOf(claim))
  }

  of(pod: string): readonly KnownClaim[] {
    return [...this.#claims.values()].filter(({ pods }) => pods.includes(pod))
  }

  /** UIDs of the pods that use any. */
  pods(): ReadonlySet<string> {
    return new Set([...this.#claims.values()].flatMap(({ pods }) => pods))
  }
}

function keyOf({ namespace, name }: Pick<ClaimRef, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}
