/** `kubectl config current-context`. */
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'

export default defineVerb({
  usage: 'config current-context',
  summary: 'Display the current-context',
  flags: {},
  async run({ session, out }) {
    const current = session.kubeconfig()['current-context']
    if (!current) throw new KubectlError('current-context is not set')
    out(`${current}\n`)
  },
})
