/** `kubectl create role`. */
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'
import { resourceRules, ruleFlags, verbsOf, warnAboutVerbs } from './rules.ts'

export default defineVerb({
  usage:
    'create role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] [--dry-run=server|client|none]',
  summary: 'Create a role with single rule',
  examples: ['create role reader --verb=get,list,watch --resource=pods'],
  flags: { ...generatorFlags, ...ruleFlags },
  async run(call) {
    const { flags, session, err } = call
    const name = nameOfArguments(call)
    if (flags.verb.length === 0) throw new KubectlError('at least one verb must be specified')
    warnAboutVerbs(verbsOf(flags), err)
    if (flags.resource.length === 0) throw new KubectlError('at least one resource must be specified')
    const rules = await resourceRules(session, flags)
    await createObject(call, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: metadataOf(call, name),
      rules,
    })
  },
})
