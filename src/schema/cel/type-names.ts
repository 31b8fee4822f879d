/** The types that an expression can name, and the types of its literals. */
import {
  Bool,
  Bytes,
  type CelType,
  Double,
  Duration,
  Dyn,
  Int,
  listOf,
  mapOf,
  Null,
  opaque,
  Str,
  Timestamp,
  typeOf,
  Uint,
} from './type.ts'
import { CelTypeValue, CelUint } from './value.ts'

/** Types that Kubernetes' libraries add: upstream declares some of them as objects, others as opaque. */
export const Quantity = libraryObject('kubernetes.Quantity')
export const Semver = libraryObject('kubernetes.Semver')
export const Url = libraryObject('kubernetes.URL')
export const NamedFormat = libraryObject('kubernetes.NamedFormat')
export const Ip = opaque('net.IP')
export const Cidr = opaque('net.CIDR')
export const Authorizer = libraryObject('kubernetes.authorization.Authorizer')
export const PathCheck = libraryObject('kubernetes.authorization.PathCheck')
export const GroupCheck = libraryObject('kubernetes.authorization.GroupCheck')
export const ResourceCheck = libraryObject('kubernetes.authorization.ResourceCheck')
export const Decision = libraryObject('kubernetes.authorization.Decision')

function libraryObject(name: string): CelType {
  return { kind: 'object', name, params: [], fields: new Map() }
}

const named: Readonly<Record<string, CelType>> = {
  bool: Bool,
  int: Int,
  uint: Uint,
  double: Double,
  string: Str,
  bytes: Bytes,
  null_type: Null,
  list: listOf(Dyn),
  map: mapOf(Dyn, Dyn),
  type: typeOf(Dyn),
  'google.protobuf.Timestamp': Timestamp,
  'google.protobuf.Duration': Duration,
  optional_type: opaque('optional_type', Dyn),
  'net.IP': Ip,
  'net.CIDR': Cidr,
  ...Object.fromEntries([Quantity, Semver, Url, NamedFormat].map((type) => [type.name, type])),
}

export const typeNames: ReadonlyMap<string, { readonly type: CelType; readonly value: unknown }> = new Map(
  Object.entries(named).map(([name, type]) => [name, { type: typeOf(type), value: new CelTypeValue(name) }]),
)

export function typeOfLiteral(value: unknown): CelType {
  switch (typeof value) {
    case 'boolean':
      return Bool
    case 'bigint':
      return Int
    case 'number':
      return Double
    case 'string':
      return Str
    default:
      if (value instanceof CelUint) return Uint
      return value instanceof Uint8Array ? Bytes : Null
  }
}
