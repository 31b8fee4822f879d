/** `--feature-gates`: which features are on (upstream `component-base/featuregate`). Unknown names are refused, locked ones stay. */
import { featureGateTable, type GateStage, gateDependencies } from './feature-gate-table.ts'

/** What is wrong with `--feature-gates`, in upstream's words. */
export class FeatureGateError extends Error {}

export interface FeatureGates {
  isOn(name: string): boolean
  /** Every gate that there is, for the metric. */
  all(): readonly { readonly name: string; readonly stage: GateStage; readonly isOn: boolean }[]
}

/** `kube:A=true,B=false`; all the rest stays as 1.36 has it. */
export function featureGates(text = ''): FeatureGates {
  return gatesOf(truthsOf(ownPairs(text)))
}

export const defaultGates = featureGates()

function gatesOf(wanted: ReadonlyMap<string, boolean>): FeatureGates {
  const chosen = new Map<string, boolean>()
  for (const [name, value] of wanted) {
    const spec = featureGateTable.get(name)
    if (!spec) throw new FeatureGateError(`unrecognized feature gate: ${name}`)
    if (spec.isLocked && spec.default !== value) {
      throw new FeatureGateError(`cannot set feature gate ${name} to ${value}, feature is locked to ${spec.default}`)
    }
    chosen.set(name, value)
  }
  const stages = { ALPHA: chosen.get('AllAlpha'), BETA: chosen.get('AllBeta'), '': undefined, DEPRECATED: undefined }
  const state = new Map<string, boolean>()
  for (const [name, spec] of featureGateTable) {
    const general = name === 'AllAlpha' || name === 'AllBeta' ? undefined : stages[spec.stage]
    state.set(name, chosen.get(name) ?? general ?? spec.default)
  }
  refuseUnmet(state)
  return {
    isOn(name) {
      const isOn = state.get(name)
      if (isOn === undefined) throw new Error(`feature ${JSON.stringify(name)} is not registered in FeatureGates`)
      return isOn
    },
    all: () => [...featureGateTable].map(([name, { stage }]) => ({ name, stage, isOn: state.get(name) === true })),
  }
}

function refuseUnmet(state: ReadonlyMap<string, boolean>): void {
  const errors: string[] = []
  for (const [name, needed] of Object.entries(gateDependencies)) {
    const missing = state.get(name) ? needed.filter((one) => !state.get(one)) : []
    if (missing.length > 0) {
      errors.push(`${name} is enabled, but depends on features that are disabled: [${missing.join(' ')}]`)
    }
  }
  if (errors.length > 0) throw new FeatureGateError(errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`)
}

/** Without the name of the component, of which there is one. */
function ownPairs(text: string): string[] {
  let isPrefixed: boolean | undefined
  return text.split(',').flatMap((pair) => {
    if (pair === '') return []
    const colon = pair.indexOf(':')
    const component = colon < 0 ? '' : pair.slice(0, colon).trim()
    if (component !== '' && component !== 'kube') throw new FeatureGateError(`component not registered: ${component}`)
    if (isPrefixed !== undefined && isPrefixed !== component.length > 0) {
      const both = 'set kube feature gates with default empty prefix or kube: prefix consistently, do not mix use'
      throw new FeatureGateError(both)
    }
    isPrefixed = component.length > 0
    return [pair.slice(colon + 1).trim()]
  })
}

/** The last of several counts. */
function truthsOf(pairs: readonly string[]): Map<string, boolean> {
  const truths = new Map<string, boolean>()
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = (equals < 0 ? pair : pair.slice(0, equals)).trim()
    if (equals < 0) throw new FeatureGateError(`missing bool value for ${name}`)
    const value = pair.slice(equals + 1).trim()
    const truth = goTruth(value)
    if (truth === undefined) {
      const why = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`
      throw new FeatureGateError(`invalid value of ${name}=${value}, err: ${why}`)
    }
    truths.set(name, truth)
  }
  return truths
}

function goTruth(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  return undefined
}
