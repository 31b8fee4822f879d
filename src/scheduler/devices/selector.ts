/** CEL expressions about a device (`device.attributes["example.com"].memory`), compiled once. */

import type { Device, DeviceAttribute } from '#api/resource/v1/resource-slice.ts'
import { CelBudgetExceeded, type CelProgram, compileCel } from '#schema/cel/compile.ts'
import { formatType } from '#schema/cel/type.ts'
import { CelMap, fromJson } from '#schema/cel/value.ts'
import { AllocationFailure } from './allocation-failure.ts'

/** Upstream `resourceapi.CELSelectorExpressionMaxCost`. */
const costLimit = 1_000_000

const programs = new Map<string, CelProgram>()
const mostPrograms = 1_000

export interface OfDevice {
  readonly driver: string
  readonly device: Device
}

/** `whose` says in failures whose selector it is: `class gpu: selector #0`. */
export function deviceMatches(expression: string, { driver, device }: OfDevice, whose: () => string): boolean {
  const program = programOf(expression, whose)
  try {
    const result = program.evaluate({ device: deviceValue(driver, device) }, { remaining: costLimit })
    if (typeof result === 'boolean') return result
  } catch (error) {
    const text = error instanceof CelBudgetExceeded ? 'actual cost limit exceeded' : textOf(error)
    throw new AllocationFailure(`${whose()}: CEL runtime error: ${text}`)
  }
  throw new AllocationFailure(`${whose()}: CEL runtime error: CEL result could not be converted to bool`)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The result may be an attribute, of which only the device tells the type. */
function programOf(expression: string, whose: () => string): CelProgram {
  const known = programs.get(expression)
  if (known) return known
  let program: CelProgram
  try {
    program = compileCel(expression, { variables: { device: 'dyn' } })
    const { outputType } = program
    if (outputType.kind !== 'bool' && outputType.kind !== 'dyn') {
      throw new Error(`must evaluate to bool or the unknown type, not ${formatType(outputType)}`)
    }
  } catch (error) {
    throw new AllocationFailure(`${whose()}: CEL compile error: ${textOf(error)}`)
  }
  if (programs.size >= mostPrograms) programs.delete(programs.keys().next().value as string)
  programs.set(expression, program)
  return program
}

const values = new WeakMap<Device, unknown>()

function deviceValue(driver: string, device: Device): unknown {
  const known = values.get(device)
  if (known) return known
  const value = {
    driver,
    allowMultipleAllocations: device.allowMultipleAllocations ?? false,
    attributes: byDomain(device.attributes ?? {}, driver, attributeValue),
    capacity: byDomain(device.capacity ?? {}, driver, ({ value }) => quantityOf(value)),
  }
  values.set(device, value)
  return value
}

/** Names without a domain belong to the driver's. */
function byDomain<T>(entries: Readonly<Record<string, T>>, driver: string, of: (entry: T) => unknown): Domains {
  const domains: Record<string, Record<string, unknown>> = {}
  for (const [name, entry] of Object.entries(entries)) {
    const slash = name.indexOf('/')
    const domain = slash < 0 ? driver : name.slice(0, slash)
    domains[domain] ??= {}
    domains[domain][name.slice(slash + 1)] = of(entry)
  }
  return new Domains(domains)
}

/** A domain that the device says nothing about is an empty map. */
class Domains extends CelMap {
  #domains: Readonly<Record<string, object>>
  constructor(domains: Readonly<Record<string, object>>) {
    super()
    this.#domains = domains
  }
  get size(): number {
    return Object.keys(this.#domains).length
  }
  get(key: unknown): unknown {
    return fromJson(typeof key === 'string' ? (this.#domains[key] ?? {}) : {})
  }
  override has(_key: unknown): boolean {
    return true
  }
  *keys(): IterableIterator<unknown> {
    yield* Object.keys(this.#domains)
  }
}

function attributeValue(attribute: DeviceAttribute): unknown {
  const { int, bool, string, version } = attribute
  if (int !== undefined) return BigInt(int)
  if (bool !== undefined) return bool
  if (string !== undefined) return string
  if (version !== undefined) return versionOf(version)
  return [...(attribute.ints ?? []).map(BigInt), ...(attribute.bools ?? []), ...(attribute.strings ?? [])]
}

const quantityOf = ofText('quantity')
const versionOf = ofText('semver')

/** Compiled when the first device needs it. */
function ofText(name: string): (text: string) => unknown {
  let program: CelProgram | undefined
  return (text) => {
    program ??= compileCel(`${name}(text)`, { variables: { text: 'string' } })
    return program.evaluate({ text }, { remaining: costLimit })
  }
}
