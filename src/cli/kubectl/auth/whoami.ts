/** `kubectl auth whoami`: as whom the server sees the user. */
import { hasReason } from '#schema/status-error.ts'
import { structOf } from '../create/generator.ts'
import { KubectlError } from '../errors.ts'
import { goValue } from '../output/go-value.ts'
import { tableWriter } from '../output/tab-writer.ts'
import { objectPrinter, resultFlags } from '../result.ts'
import { defineVerb } from '../verb.ts'

const { 'dry-run': _, 'field-manager': __, ...flags } = resultFlags

export default defineVerb({
  usage: 'auth whoami',
  summary: 'Experimental: Check self subject attributes',
  flags,
  async run({ session, flags, out }) {
    const printer = objectPrinter(flags, { struct: true })
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {}, status: { userInfo: {} } }
    const review = await session.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body }).catch((error) => {
      const disabled = 'the selfsubjectreviews API is not enabled in the cluster'
      if (hasReason(error, 'NotFound')) throw new KubectlError(disabled)
      if (hasReason(error, 'Forbidden')) throw new KubectlError(`${disabled} or you do not have permission to call it`)
      throw error
    })
    if (printer) return out(printer(structOf(review)))
    const { username, uid, groups, extra } = review.status.userInfo ?? {}
    const writer = tableWriter(out)
    writer.write('ATTRIBUTE\tVALUE\n')
    if (username) writer.write(`Username\t${username}\n`)
    if (uid) writer.write(`UID\t${uid}\n`)
    if (groups?.length > 0) writer.write(`Groups\t${goValue(groups)}\n`)
    for (const key of Object.keys(extra ?? {}).sort()) writer.write(`Extra: ${key}\t${goValue(extra[key])}\n`)
    writer.flush()
  },
})
