/** `kubectl create namespace`. */
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, nameOfArguments } from './generator.ts'

export default defineVerb({
  usage: 'create namespace NAME [--dry-run=server|client|none]',
  summary: 'Create a namespace with the specified name',
  examples: ['create namespace shop'],
  flags: generatorFlags,
  async run(call) {
    await createObject(call, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: nameOfArguments(call) } })
  },
})
