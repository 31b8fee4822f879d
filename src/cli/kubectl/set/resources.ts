/** `kubectl set resources`: requests and limits of the containers of pods and workloads. */
import { canonicalQuantity } from '#schema/quantity.ts'
import { text } from '../command-line.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { gather, selectionFlags } from '../resources.ts'
import { defineVerb } from '../verb.ts'
import { changeTemplates, refuseLocal, selectedContainers, templateFlags } from './template.ts'

export default defineVerb({
  usage: 'set resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]',
  summary: 'Update resource requests/limits on objects with pod templates',
  examples: ['set resources deployment web --limits=cpu=200m,memory=512Mi --requests=cpu=100m,memory=256Mi'],
  flags: { ...templateFlags, ...selectionFlags, limits: text(), requests: text() },
  async run(call) {
    const { flags, args, session } = call
    refuseLocal(flags)
    const { filename, recursive, selector, all } = flags
    const { infos, errors } = await gather(session, {
      args,
      filename,
      recursive,
      selector: selector || undefined,
      typeAlone: all,
    })
    aggregate(errors)
    if (all && selector) throw new KubectlError('cannot set --all and --selector at the same time')
    if (!flags.limits && !flags.requests) {
      throw new KubectlError('you must specify an update to requests or limits (in the form of --requests/--limits)')
    }
    const amounts = { limits: amountsOf(flags.limits), requests: amountsOf(flags.requests) }
    await changeTemplates(call, infos, {
      operation: 'resource requirements updated',
      failure: 'failed to patch resources update to pod template ',
      errors,
      apply(spec) {
        const containers = selectedContainers(spec, flags.containers)
        if (containers.length === 0) errors.push(new KubectlError(`error: unable to find container named ${flags.containers}`))
        for (const container of containers) {
          container.resources ??= {}
          for (const field of ['limits', 'requests'] as const) {
            if (flags[field]) container.resources[field] = { ...container.resources[field], ...amounts[field] }
          }
        }
      },
    })
  },
})

function amountsOf(spec: string): Record<string, string> {
  if (spec === '') return {}
  return Object.fromEntries(
    spec.split(',').map((statement) => {
      const parts = statement.split('=')
      if (parts.length !== 2) throw new KubectlError(`Invalid argument syntax ${statement}, expected <resource>=<value>`)
      return [parts[0] as string, canonicalQuantity(parts[1] as string)]
    }),
  )
}
