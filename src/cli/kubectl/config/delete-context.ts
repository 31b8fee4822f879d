/** `kubectl config delete-context`. */
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { changeFile, defaultFile, fileWith } from './files.ts'

export default defineVerb({
  usage: 'config delete-context NAME',
  summary: 'Delete the specified context from the kubeconfig',
  examples: ['config delete-context old'],
  flags: {},
  async run({ session, args, out, err }) {
    const [name] = args
    if (args.length !== 1 || name === undefined) throw new KubectlError(`Unexpected args: [${args.join(' ')}]`)
    const config = session.kubeconfig()
    const path = defaultFile(session)
    if (!config.contexts?.some((one) => one.name === name))
      throw new KubectlError(`cannot delete context ${name}, not in ${path}`)
    if (config['current-context'] === name) {
      err('warning: this removed your active context, use "kubectl config use-context" to select a different one\n')
    }
    changeFile(fileWith(session, name), (file) => {
      file.contexts = (file.contexts ?? []).filter((one) => one.name !== name)
    })
    out(`deleted context ${name} from ${path}\n`)
  },
})
