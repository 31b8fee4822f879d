/** `kubectl create serviceaccount`. */
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'

export default defineVerb({
  usage: 'create serviceaccount NAME [--dry-run=server|client|none]',
  summary: 'Create a service account with the specified name',
  examples: ['create serviceaccount builder'],
  flags: generatorFlags,
  async run(call) {
    const metadata = metadataOf(call, nameOfArguments(call))
    await createObject(call, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }, 'failed to create serviceaccount: ')
  },
})
