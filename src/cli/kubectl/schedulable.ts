/** What cordon, uncordon and drain share: nodes that take new pods or take none. */
import { text } from './command-line.ts'
import { pathOf } from './discovery.ts'
import { KubectlError, usageError } from './errors.ts'
import { fetchObjects, findTargets, type Info } from './resources.ts'
import { dryRunOf, dryRunQuery, resultFlags } from './result.ts'
import type { VerbCall } from './verb.ts'

export const cordonFlags = { selector: text('', { short: 'l' }), 'dry-run': resultFlags['dry-run'] } as const

export type CordonCall = VerbCall<typeof cordonFlags>

/** Answers the nodes. One that cannot be changed is told about and the others follow. */
export async function setUnschedulable(call: CordonCall, unschedulable: boolean): Promise<readonly Info[]> {
  const { session, err } = call
  const verb = unschedulable ? 'cordon' : 'uncordon'
  const nodes = await nodesOf(call)
  for (const { resource, name, object } of nodes) {
    if (Boolean(object.spec?.unschedulable) === unschedulable) {
      say(call, `node/${name} already ${verb}ed`)
      continue
    }
    try {
      if (dryRunOf(call) !== 'client') {
        const body = { spec: { unschedulable: unschedulable || null } }
        const options = { body, contentType: 'application/strategic-merge-patch+json', query: dryRunQuery(dryRunOf(call)) }
        await session.request('PATCH', pathOf(resource, { name }), options)
      }
      say(call, `node/${name} ${verb}ed`)
    } catch (error) {
      err(`error: unable to ${verb} node ${JSON.stringify(name)}: ${(error as Error).message}\n`)
    }
  }
  return nodes
}

export function say(call: Pick<CordonCall, 'flags' | 'out'>, line: string): void {
  const dryRun = dryRunOf(call)
  call.out(`${line}${dryRun === 'client' ? ' (dry run)' : dryRun === 'server' ? ' (server dry run)' : ''}\n`)
}

async function nodesOf({ session, flags, args, changed, path }: CordonCall): Promise<Info[]> {
  if (args.length === 0 && !changed.has('selector'))
    throw usageError(path, `USAGE: ${path.slice('kubectl '.length)} NODE [flags]`)
  if (args.length > 0 && flags.selector) throw usageError(path, 'error: cannot specify both a node name and a --selector option')
  dryRunOf({ flags })
  if (args.length === 0 && !flags.selector) throw new KubectlError('at least one resource must be specified to use a selector')
  const { items } = await findTargets(session, { args: ['nodes', ...args], selector: flags.selector || undefined })
  const nodes: Info[] = []
  for (const target of items) for await (const info of fetchObjects(session, target)) nodes.push(info)
  return nodes
}
