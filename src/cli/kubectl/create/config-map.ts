/** `kubectl create configmap`. */
import { isUtf8 } from 'node:buffer'
import { boolean } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { dataFlags, keyKeeper, readSources } from './data-sources.ts'
import { createObject, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'

export default defineVerb({
  usage: 'create configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]',
  summary: 'Create a config map from a local file, directory or literal value',
  examples: ['create configmap settings --from-literal=color=blue', 'create configmap settings --from-file=config'],
  flags: { ...generatorFlags, ...dataFlags, 'append-hash': boolean() },
  async run(call) {
    const name = nameOfArguments(call)
    if (call.flags['append-hash']) throw new KubectlError('--append-hash is not supported')
    const check = keyKeeper('ConfigMap', name)
    const data: Record<string, string> = {}
    const binaryData: Record<string, string> = {}
    readSources(call.flags, call.terminal, (key, value) => {
      check(key)
      if (isUtf8(value)) data[key] = value.toString()
      else binaryData[key] = value.toString('base64')
    })
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(call, name), data, binaryData }
    await createObject(call, object, 'failed to create configmap: ')
  },
})
