/** `kubectl create token`: a service account's token. */
import { array, duration, text } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { objectPrinter } from '../result.ts'
import type { Json } from '../session.ts'
import { defineVerb } from '../verb.ts'
import { generatorFlags, nameOfArguments } from './generator.ts'

const boundKinds: Record<string, string> = { Node: 'v1', Pod: 'v1', Secret: 'v1' }

const flags = {
  output: generatorFlags.output,
  template: generatorFlags.template,
  'show-managed-fields': generatorFlags['show-managed-fields'],
  'allow-missing-template-keys': generatorFlags['allow-missing-template-keys'],
  audience: array(),
  duration: duration(),
  'bound-object-kind': text(),
  'bound-object-name': text(),
  'bound-object-uid': text(),
} as const

export default defineVerb({
  usage: 'create token SERVICE_ACCOUNT_NAME',
  summary: 'Request a service account token',
  examples: ['create token builder --duration 10m'],
  flags,
  async run(call) {
    const { flags, session, out, terminal } = call
    const name = nameOfArguments(call)
    const { duration: milliseconds, audience } = flags
    if (milliseconds < 0) throw new KubectlError('--duration must be greater than or equal to 0')
    if (milliseconds % 1000 !== 0) throw new KubectlError('--duration cannot be expressed in units less than seconds')
    if (audience.includes('')) throw new KubectlError('--audience must not be an empty string')
    const boundObjectRef = boundObject(flags)
    const body = {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: {
        audiences: audience.length > 0 ? audience : null,
        expirationSeconds: milliseconds > 0 ? milliseconds / 1000 : null,
        boundObjectRef,
      },
      status: { token: '', expirationTimestamp: null },
    }
    const path = `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`
    let answer: Json
    try {
      answer = await session.request('POST', path, { body })
    } catch (error) {
      throw new KubectlError(`failed to create token: ${(error as Error).message}`)
    }
    const token: string = answer.status?.token ?? ''
    if (token === '') throw new KubectlError('failed to create token: no token in server response')
    const printer = objectPrinter(flags, { struct: true })
    out(printer ? printer(answer) : terminal.stdout.isTTY ? `${token}\n` : token)
  },
})

function boundObject(flags: {
  'bound-object-kind': string
  'bound-object-name': string
  'bound-object-uid': string
}): Json | null {
  const { 'bound-object-kind': kind, 'bound-object-name': name, 'bound-object-uid': uid } = flags
  if (!kind) {
    if (name) throw new KubectlError('--bound-object-name can only be set if --bound-object-kind is provided')
    if (uid) throw new KubectlError('--bound-object-uid can only be set if --bound-object-kind is provided')
    return null
  }
  const apiVersion = Object.hasOwn(boundKinds, kind) ? boundKinds[kind] : undefined
  if (!apiVersion) throw new KubectlError(`supported --bound-object-kind values are ${Object.keys(boundKinds).join(', ')}`)
  if (!name) throw new KubectlError('--bound-object-name is required if --bound-object-kind is provided')
  return { kind, apiVersion, name, ...(uid && { uid }) }
}
