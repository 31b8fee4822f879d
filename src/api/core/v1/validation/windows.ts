/** Rules for Windows options and host process pods (upstream `validateWindowsSecurityContextOptions`). */
import type { WindowsSecurityContextOptions } from '#api/core/v1/security-context.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { formatted } from './checks.ts'
import { eachContainer } from './each-container.ts'
import type { PodContext } from './pod-context.ts'

export function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, at: Path): FieldError[] {
  if (!options) return []
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options
  const errors =
    gmsaCredentialSpecName === undefined
      ? []
      : formatted(isDns1123Subdomain, gmsaCredentialSpecName, at.child('gmsaCredentialSpecName'))
  if (gmsaCredentialSpec !== undefined) {
    const size = Buffer.byteLength(gmsaCredentialSpec)
    const here = at.child('gmsaCredentialSpec')
    if (size === 0) errors.push(here.invalid(gmsaCredentialSpec, 'gmsaCredentialSpec cannot be an empty string'))
    else if (size > 64 * 1024) errors.push(here.invalid(gmsaCredentialSpec, 'gmsaCredentialSpec size must be under 64 KiB'))
  }
  if (runAsUserName === undefined) return errors
  const here = at.child('runAsUserName')
  return [...errors, ...userNameMessages(runAsUserName).map((message) => here.invalid(runAsUserName, message))]
}

const netBiosDomain = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`)
const forbidden = String.raw`runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]`

function userNameMessages(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string']
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return ['runAsUserName cannot contain control characters']
  const parts = name.split('\\')
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash']
  const user = parts.at(-1) ?? ''
  const domain = parts.length === 2 ? (parts[0] ?? '') : undefined
  const messages: string[] = []
  if (domain !== undefined) {
    if (domain.length >= 256) messages.push("runAsUserName's Domain length must be under 256 characters")
    if (!netBiosDomain.test(domain) && !dnsDomain.test(domain)) {
      messages.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    }
  }
  if (user === '') messages.push("runAsUserName's User cannot be empty")
  if (user.length > 104) messages.push("runAsUserName's User length must not be longer than 104 characters")
  if (/^[. ]+$/.test(user)) messages.push("runAsUserName's User cannot contain only periods or spaces")
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) messages.push(forbidden)
  return messages
}

/** Containers that are processes of the host: all of them or none, and only on the host's network. */
export function validateHostProcess({ spec }: PodContext, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const ofPod = spec.securityContext.windowsOptions?.hostProcess
  const containers = eachContainer(spec, at)
  let count = 0
  for (const { container, here } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const message = `pod hostProcess value must be identical if both are specified, was ${ofPod}`
      errors.push(here.child('securityContext', 'windowsOptions', 'hostProcess').invalid(own, message))
    }
    if (own ?? ofPod) count++
  }
  if (count === 0) return errors
  if (count !== containers.length) {
    const message = 'If pod contains any hostProcess containers then all containers must be HostProcess containers'
    errors.push(at.invalid('', message))
  }
  if (!spec.hostNetwork) {
    errors.push(at.child('hostNetwork').invalid(false, 'hostNetwork must be true if pod contains any hostProcess containers'))
  }
  return errors
}
