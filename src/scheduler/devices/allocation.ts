/** What is written into a claim's status for the devices that it was given. */
import type { NodeSelector } from '#api/core/v1/affinity.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { AllocationResult, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Given } from './allocate.ts'

interface Chosen {
  readonly node: Node
  readonly given: readonly Given[]
  /** Tells the shares of one device apart. */
  shareId(): string
}

export function allocationOf(claim: ResourceClaim, { node, given, shareId }: Chosen): AllocationResult {
  const results = given.map(({ asked, consumed, device: { driver, pool, device } }) => ({
    ...{ request: asked.name, driver, pool, device: device.name },
    ...(asked.adminAccess && { adminAccess: true }),
    ...(asked.tolerations.length > 0 && { tolerations: asked.tolerations }),
    ...(device.bindingConditions?.length && {
      bindingConditions: device.bindingConditions,
      ...(device.bindingFailureConditions && { bindingFailureConditions: device.bindingFailureConditions }),
    }),
    ...(consumed && { shareID: shareId(), consumedCapacity: consumed }),
  }))
  const config = configOf(claim, given)
  const nodeSelector = selectorOf(node, given)
  return {
    devices: { results, ...(config.length > 0 && { config }) },
    ...(nodeSelector && { nodeSelector }),
  } as AllocationResult
}

/** The classes' first, each once, so that drivers let the claim's prevail. */
function configOf(claim: ResourceClaim, given: readonly Given[]) {
  const asked = [...new Map(given.map((one) => [one.asked.name, one.asked])).values()]
  const byClass = Map.groupBy(asked, ({ deviceClass }) => deviceClass.metadata.name)
  const fromClass = [...byClass.values()].flatMap((users) => {
    const requests = users.map(({ name }) => name)
    return (users[0]?.deviceClass.spec.config ?? []).map((config) => ({ source: 'FromClass' as const, requests, ...config }))
  })
  const fromClaim = (claim.spec.devices.config ?? [])
    .filter(({ requests = [] }) => {
      return requests.length === 0 || asked.some(({ name, parent }) => requests.includes(name) || requests.includes(parent))
    })
    .map((config) => ({ source: 'FromClaim' as const, ...config }))
  return [...fromClass, ...fromClaim]
}

/** Where the devices can be used: on this node, on those that all of them reach, or everywhere. */
function selectorOf(node: Node, given: readonly Given[]): NodeSelector | undefined {
  if (given.some(({ device: { nodeName, device } }) => nodeName || device.bindsToNode)) {
    const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [node.metadata.name] }]
    return { nodeSelectorTerms: [{ matchFields }] }
  }
  const terms = given.flatMap(({ device }) => device.nodeSelector?.nodeSelectorTerms ?? [])
  if (terms.length === 0) return undefined
  const unique = <T>(rules: readonly T[]) => [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()]
  const matchExpressions = unique(terms.flatMap((term) => term.matchExpressions ?? []))
  const matchFields = unique(terms.flatMap((term) => term.matchFields ?? []))
  return {
    nodeSelectorTerms: [
      { ...(matchExpressions.length > 0 && { matchExpressions }), ...(matchFields.length > 0 && { matchFields }) },
    ],
  }
}
