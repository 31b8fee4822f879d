/** `kubectl set serviceaccount`: as whom the pods of workloads speak to the API server. */
import { boolean } from '../command-line.ts'
import { aggregate, KubectlError } from '../errors.ts'
import { gather, selectionFlags } from '../resources.ts'
import { resultFlags } from '../result.ts'
import { defineVerb } from '../verb.ts'
import { changeTemplates, refuseLocal } from './template.ts'

const { selector: _, ...fileFlags } = selectionFlags

export default defineVerb({
  usage: 'set serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT',
  summary: 'Update the service account of a resource',
  examples: ['set serviceaccount deployment web bot'],
  flags: { ...resultFlags, ...fileFlags, all: boolean(), local: boolean() },
  async run(call) {
    const { flags, args, session } = call
    refuseLocal(flags)
    const account = args.at(-1)
    if (account === undefined) throw new KubectlError('serviceaccount is required')
    const { filename, recursive, all } = flags
    const { infos, errors } = await gather(session, { args: args.slice(0, -1), filename, recursive, typeAlone: all })
    aggregate(errors)
    await changeTemplates(call, infos, {
      operation: 'serviceaccount updated',
      failure: 'failed to patch ServiceAccountName ',
      always: true,
      errors,
      apply(spec) {
        spec.serviceAccountName = account
      },
    })
  },
})
