/** `kubectl config use-context`. */
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { changeFile, defaultFile } from './files.ts'

export default defineVerb({
  usage: 'config use-context CONTEXT_NAME',
  summary: 'Set the current-context in a kubeconfig file',
  examples: ['config use-context nami'],
  flags: {},
  async run({ session, args, out }) {
    const [name] = args
    if (args.length !== 1 || name === undefined) throw new KubectlError(`Unexpected args: [${args.join(' ')}]`)
    if (name === '') throw new KubectlError('empty context names are not allowed')
    const config = session.kubeconfig()
    if (!config.contexts?.some((one) => one.name === name)) {
      throw new KubectlError(`no context exists with the name: ${JSON.stringify(name)}`)
    }
    if (config['current-context'] !== name) {
      changeFile(defaultFile(session), (file) => {
        file['current-context'] = name
      })
    }
    out(`Switched to context ${JSON.stringify(name)}.\n`)
  },
})
