/** `kubectl drain`: no new pods on a node, and those that are there evicted. */
import { parseLabelSelector } from '#schema/selector.ts'
import { aggregateText, type DrainCall, drainFlags, drainNode } from './drain-node.ts'
import { BareError, KubectlError } from './errors.ts'
import { say, setUnschedulable } from './schedulable.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'drain NODE',
  summary: 'Drain node in preparation for maintenance',
  examples: ['drain n1 --ignore-daemonsets --delete-emptydir-data'],
  flags: drainFlags,
  async run(call) {
    checkPodSelector(call)
    const nodes = await setUnschedulable(call, true)
    const failed = new Map<string, readonly string[]>()
    for (const { name } of nodes) {
      const errors = await drainNode(call, name)
      if (errors.length === 0) {
        say(call, `node/${name} drained`)
        continue
      }
      call.err(
        `error: unable to drain node ${JSON.stringify(name)} due to error: ${aggregateText(errors)}, continuing command...\n`,
      )
      failed.set(name, errors)
    }
    if (failed.size === 0) return
    call.err(`There are pending nodes to be drained:\n${[...failed.keys()].map((name) => ` ${name}\n`).join('')}`)
    const [only] = failed.values()
    throw new BareError((failed.size === 1 ? (only ?? []) : [...failed.values()].map(aggregateText)).join('\n'))
  },
})

function checkPodSelector({ flags }: DrainCall): void {
  try {
    parseLabelSelector(flags['pod-selector'])
  } catch {
    throw new KubectlError('--pod-selector=<pod_selector> must be a valid label selector')
  }
}
