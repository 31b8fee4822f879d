/** `kubectl create clusterrole`. */
import { list } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, nameOfArguments, unique } from './generator.ts'
import { resourceRules, ruleFlags, verbsOf, warnAboutVerbs } from './rules.ts'

const urlVerbs = ['*', 'get', 'post', 'put', 'delete', 'patch', 'head', 'options']

export default defineVerb({
  usage:
    'create clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none]',
  summary: 'Create a cluster role',
  examples: ['create clusterrole reader --verb=get,list,watch --resource=pods'],
  flags: { ...generatorFlags, ...ruleFlags, 'non-resource-url': list(), 'aggregation-rule': list() },
  async run(call) {
    const { flags, session, err } = call
    const name = nameOfArguments(call)
    const base = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name } }
    const urls = unique(flags['non-resource-url'])
    const aggregation = aggregationOf(flags['aggregation-rule'])
    if (aggregation) {
      if (urls.length + flags.verb.length + flags.resource.length + flags['resource-name'].length > 0) {
        throw new KubectlError('aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames')
      }
      return createObject(call, { ...base, rules: null, aggregationRule: aggregation })
    }
    const verbs = verbsOf(flags)
    if (verbs.length === 0) throw new KubectlError('at least one verb must be specified')
    if (flags.resource.length === 0 && urls.length === 0) {
      throw new KubectlError('one of resource or nonResourceURL must be specified')
    }
    if (flags.resource.length > 0) warnAboutVerbs(verbs, err)
    const rules = await resourceRules(session, flags)
    for (const url of urls) checkUrl(url, verbs)
    if (urls.length > 0) rules.push({ verbs, nonResourceURLs: urls })
    await createObject(call, { ...base, rules })
  },
})

function aggregationOf(pairs: readonly string[]): Json | undefined {
  if (pairs.length === 0) return undefined
  const matchLabels = Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=')
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
    }),
  )
  return { clusterRoleSelectors: [{ matchLabels }] }
}

function checkUrl(url: string, verbs: readonly string[]): void {
  const wrong = verbs.find((verb) => !urlVerbs.includes(verb))
  if (wrong) throw new KubectlError(`invalid verb: '${wrong}' for nonResourceURL`)
  if (url === '*') return
  if (!url.startsWith('/')) throw new KubectlError('nonResourceURL should start with /')
  if (url.slice(0, -1).includes('*'))
    throw new KubectlError("nonResourceURL only supports wildcard matches when '*' is at the end")
}
