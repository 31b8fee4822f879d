/** `kubectl config set-context`. */
import { boolean } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { changeFile, fileWith } from './files.ts'

export default defineVerb({
  usage: 'config set-context [NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]',
  summary: 'Set a context entry in kubeconfig',
  examples: ['config set-context --current --namespace=shop'],
  flags: { current: boolean() },
  async run({ session, flags, args, changed, out }) {
    if (args.length > 1) throw new KubectlError(`Unexpected args: [${args.join(' ')}]`)
    const [given = ''] = args
    if (!given && !flags.current) throw new KubectlError('you must specify a non-empty context name or --current')
    if (given && flags.current) throw new KubectlError('you cannot specify both a context name and --current')
    const config = session.kubeconfig()
    const name = flags.current ? config['current-context'] : given
    if (!name) throw new KubectlError('no current context is set')
    const exists = config.contexts?.some((one) => one.name === name) ?? false
    changeFile(fileWith(session, name), (file) => {
      const entry = file.contexts?.find((one) => one.name === name) ?? { name, context: { cluster: '', user: '' } }
      for (const field of ['cluster', 'user', 'namespace'] as const) {
        if ((changed as ReadonlySet<string>).has(field)) entry.context[field] = session.globals[field]
      }
      if (!entry.context.namespace) delete entry.context.namespace
      file.contexts = [...(file.contexts ?? []).filter((one) => one.name !== name), entry]
    })
    out(`Context ${JSON.stringify(name)} ${exists ? 'modified' : 'created'}.\n`)
  },
})
