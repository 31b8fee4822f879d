/** `kubectl config view`: the kubeconfig files as one, secrets left out. */
import { readFileSync } from 'node:fs'
import type { Kubeconfig } from '#client/kubeconfig.ts'
import { boolean } from '../command-line.ts'
import { KubectlError, usageError } from '../errors.ts'
import { objectPrinter, resultFlags } from '../result.ts'
import { defineVerb } from '../verb.ts'
import { canonical } from './files.ts'

const { 'dry-run': _, 'field-manager': __, ...printFlags } = resultFlags

export default defineVerb({
  usage: 'config view',
  summary: 'Display merged kubeconfig settings or a specified kubeconfig file',
  examples: ['config view --minify', 'config view --raw'],
  flags: { ...printFlags, merge: boolean(true), raw: boolean(), flatten: boolean(), minify: boolean() },
  async run({ session, flags, args, changed, path, out }) {
    if (args.length > 0) throw usageError(path, `unexpected arguments: [${args.join(' ')}]`)
    if (!flags.merge && changed.has('merge') && !session.globals.kubeconfig) {
      throw new KubectlError('if merge==false a precise file must be specified')
    }
    let config = structuredClone(session.kubeconfig())
    if (flags.minify) config = minified(config, session.globals.context)
    if (flags.flatten) flatten(config)
    else if (!flags.raw) redact(config)
    const printer = objectPrinter({ ...flags, output: flags.output || 'yaml' }, { struct: true })
    out(printer?.(canonical(config)) ?? '')
  },
})

function minified(config: Kubeconfig, context: string): Kubeconfig {
  const current = context || config['current-context'] || ''
  if (!current) throw new KubectlError('current-context must exist in order to minify')
  const contexts = (config.contexts ?? []).filter(({ name }) => name === current)
  const [found] = contexts
  if (!found) throw new KubectlError(`cannot locate context ${current}`)
  const clusters = (config.clusters ?? []).filter(({ name }) => name === found.context.cluster)
  if (clusters.length === 0 && found.context.cluster) throw new KubectlError(`cannot locate cluster ${found.context.cluster}`)
  const users = (config.users ?? []).filter(({ name }) => name === found.context.user)
  if (users.length === 0 && found.context.user) throw new KubectlError(`cannot locate user ${found.context.user}`)
  return { ...config, 'current-context': current, contexts, clusters, users }
}

function redact({ clusters = [], users = [] }: Kubeconfig): void {
  const omit = (entry: Record<string, unknown>, fields: readonly string[], text: string) => {
    for (const field of fields) if (entry[field]) entry[field] = text
  }
  for (const { cluster } of clusters)
    omit(cluster as object as Record<string, unknown>, ['certificate-authority-data'], 'DATA+OMITTED')
  for (const { user } of users) {
    const entry = user as object as Record<string, unknown>
    omit(entry, ['client-certificate-data', 'client-key-data'], 'DATA+OMITTED')
    omit(entry, ['token', 'password'], 'REDACTED')
  }
}

/** What stands in files goes into the configuration. */
function flatten({ clusters = [], users = [] }: Kubeconfig): void {
  const inline = (entry: Record<string, unknown>, field: string) => {
    const path = entry[field]
    if (typeof path !== 'string' || !path) return
    entry[`${field}-data`] ??= readFileSync(path).toString('base64')
    delete entry[field]
  }
  for (const { cluster } of clusters) inline(cluster as object as Record<string, unknown>, 'certificate-authority')
  for (const { user } of users) {
    for (const field of ['client-certificate', 'client-key']) inline(user as object as Record<string, unknown>, field)
  }
}
