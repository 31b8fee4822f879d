/** Whether the nodes are ready and under no pressure. */
import type { Node } from '#api/core/v1/node.ts'
import type { Check, Problem } from './check.ts'

export const nodeConditions: Check = {
  name: 'nodes',
  about: 'conditions of the nodes',
  needs: ['cluster', 'running', 'api'],

  async run({ api, config, directory }) {
    const nodes = await api.nodes()
    if (config.agent && nodes.length === 0) {
      return [{ problem: 'No node has registered.', fix: [`tail ${directory.logs}/agent.log`] }]
    }
    return nodes.flatMap(problemsOf)
  },
}

function problemsOf({ metadata: { name }, status }: Node): readonly Problem[] {
  const fix = [`nami kubectl describe node ${name}`]
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  const pressures = (status.conditions ?? []).filter((one) => one.type !== 'Ready' && one.status === 'True')
  return [
    ...(ready?.status === 'True'
      ? []
      : [{ problem: `Node ${name} is not ready: ${ready?.message || ready?.reason || 'it never reported'}`, fix }]),
    ...pressures.map(({ type, message }) => ({ problem: `Node ${name} has ${type}${message ? `: ${message}` : '.'}`, fix })),
  ]
}
