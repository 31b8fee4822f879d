/** The functions that every expression may call: those of CEL and Kubernetes' libraries (upstream `pkg/cel/environment/base.go`, 1.36). */
import type { Functions, Overload } from './declarations.ts'
import { authorization } from './library/authorizer.ts'
import { conversions } from './library/conversions.ts'
import { textFormat } from './library/format.ts'
import { lists } from './library/lists.ts'
import { jsonPatchFunctions } from './library/mutation.ts'
import { namedFormats } from './library/named-formats.ts'
import { network } from './library/network.ts'
import { operators } from './library/operators.ts'
import { optionals } from './library/optional.ts'
import { quantities } from './library/quantity.ts'
import { regex } from './library/regex.ts'
import { semver } from './library/semver.ts'
import { sets } from './library/sets.ts'
import { strings } from './library/strings.ts'
import { times } from './library/times.ts'
import { urls } from './library/urls.ts'

/** Libraries may add overloads to each other's functions. */
function merge(...libraries: readonly Functions[]): Functions {
  const merged: Record<string, readonly Overload[]> = {}
  for (const library of libraries) {
    for (const [name, overloads] of Object.entries(library)) merged[name] = [...(merged[name] ?? []), ...overloads]
  }
  return merged
}

export const baseFunctions: Functions = merge(
  operators,
  conversions,
  times,
  regex,
  strings,
  textFormat,
  lists,
  sets,
  optionals,
  quantities,
  network,
  urls,
  semver,
  namedFormats,
  authorization,
)

/** With what mutating policies have besides. */
export const mutationFunctions: Functions = merge(baseFunctions, jsonPatchFunctions)
