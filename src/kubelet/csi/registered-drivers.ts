/** CSI drivers that have made themselves known on this node, by name (upstream `csi_plugin.go`, `csi_drivers_store.go`). */
import type { Clock } from '#lib/clock.ts'
import { CsiNodeService } from './csi-node-service.ts'

interface Registered {
  readonly endpoint: string
  readonly version: Version
}

interface Version {
  readonly text: string
  readonly parts: readonly number[]
}

export class RegisteredDrivers {
  readonly #clock: Clock
  readonly #drivers = new Map<string, Registered>()

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  names(): readonly string[] {
    return [...this.#drivers.keys()]
  }

  service(name: string): CsiNodeService {
    const driver = this.#drivers.get(name)
    if (!driver) throw new Error(`driver name ${name} not found in the list of registered CSI drivers`)
    return new CsiNodeService({ socket: driver.endpoint, clock: this.#clock })
  }

  endpoint(name: string): string | undefined {
    return this.#drivers.get(name)?.endpoint
  }

  /** Throws with upstream's text where the driver cannot be used. */
  validate(name: string, endpoint: string, versions: readonly string[]): void {
    try {
      this.#checkedVersion('ValidatePlugin', name, versions)
    } catch (error) {
      const text = (error as Error).message
      throw new Error(`validation failed for CSI Driver ${name} at endpoint ${endpoint}: ${text}`, { cause: error })
    }
  }

  add(name: string, endpoint: string, versions: readonly string[]): void {
    this.#drivers.set(name, { endpoint, version: this.#checkedVersion('RegisterPlugin', name, versions) })
  }

  remove(name: string): void {
    this.#drivers.delete(name)
  }

  #checkedVersion(caller: string, name: string, versions: readonly string[]): Version {
    const about = `kubernetes.io/csi: ${caller} for CSI driver ${JSON.stringify(name)} failed.`
    if (versions.length === 0) throw new Error(`${about} Plugin returned an empty list for supported versions`)
    const found = highestVersion(versions)
    if (typeof found === 'string') {
      const all = `[${versions.map((version) => JSON.stringify(version)).join(' ')}]`
      throw new Error(`${about} None of the versions specified ${all} are supported. err=${found}`)
    }
    const known = this.#drivers.get(name)
    if (known && !isLess(known.version, found)) {
      const text = 'Another driver with the same name is already registered with a higher supported version'
      throw new Error(`${about} ${text}: ${JSON.stringify(known.version.text)}`)
    }
    return found
  }
}

/** The highest of 1.x, or why there is none. Higher ones are not looked at: a driver may speak several. */
export function highestVersion(versions: readonly string[]): Version | string {
  let [highest, problem]: [Version | undefined, string] = [undefined, '<nil>']
  for (const text of versions.toReversed()) {
    const version = parse(text)
    if (!version) problem = `could not parse ${JSON.stringify(text)} as version`
    else if ((version.parts[0] ?? 0) <= 1 && (!highest || isLess(highest, version))) highest = version
  }
  if (!highest) {
    return `could not find a highest supported version from versions (${versions.join(' ')}) reported by this driver: ${problem}`
  }
  if (highest.parts[0] !== 1) return `highest supported version reported by driver is ${highest.text}, must be v1.x`
  return highest
}

function parse(text: string): Version | undefined {
  const match = /^\s*v?(\d+(?:\.\d+)+)/.exec(text)
  return match?.[1] ? { text: match[1], parts: match[1].split('.').map(Number) } : undefined
}

function isLess(a: Version, b: Version): boolean {
  for (let i = 0; i < Math.max(a.parts.length, b.parts.length); i++) {
    const [left, right] = [a.parts[i] ?? 0, b.parts[i] ?? 0]
    if (left !== right) return left < right
  }
  return false
}
