/** Rules for a pod's names and its view of the network: DNS, hosts file, host network and user namespace. */
import type { HostAlias, PodDNSConfig } from '#api/core/v1/pod-spec.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123SubdomainWithUnderscore, isValidIpForLegacyField } from '#schema/formats.ts'
import { dnsSubdomain, formatted } from './checks.ts'
import { eachContainer } from './each-container.ts'
import type { PodContext } from './pod-context.ts'

export const strictIp = (value: string) => isValidIpForLegacyField(value, true)

export function validateDnsConfig(config: PodDNSConfig | undefined, policy: string, at: Path): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = config ?? {}
  const servers = at.child('nameservers')
  if (policy === 'None') {
    if (!config) return [at.required('must provide `dnsConfig` when `dnsPolicy` is None')]
    const message = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
    if (nameservers.length === 0) return [servers.required(message)]
  }
  const errors: FieldError[] = []
  if (nameservers.length > 3) errors.push(servers.invalid(nameservers, 'must not have more than 3 nameservers'))
  errors.push(...nameservers.flatMap((server, index) => formatted(strictIp, server, servers.index(index))))
  const here = at.child('searches')
  if (searches.length > 32) errors.push(here.invalid(searches, 'must not have more than 32 search paths'))
  if (Buffer.byteLength(searches.join(' ')) > 2048) {
    errors.push(here.invalid(searches, 'must not have more than 2048 characters (including spaces) in the search list'))
  }
  for (const [index, search] of searches.entries()) {
    if (search === '.') continue
    errors.push(...formatted(isDns1123SubdomainWithUnderscore, search.replace(/\.$/, ''), here.index(index)))
  }
  const nameless = options.flatMap(({ name }, index) =>
    name ? [] : [at.child('options').index(index).required('must not be empty')],
  )
  return [...errors, ...nameless]
}

export function validateHostAliases(aliases: readonly HostAlias[], at: Path): FieldError[] {
  return aliases.flatMap(({ ip, hostnames = [] }, index) => [
    ...formatted(strictIp, ip, at.index(index).child('ip')),
    ...hostnames.flatMap((name, position) => dnsSubdomain(name, at.index(index).child('hostnames').index(position))),
  ])
}

export function validateHostNetwork({ spec, isPod }: PodContext, at: Path): FieldError[] {
  if (!spec.hostNetwork) return []
  return spec.containers.flatMap(({ ports = [] }, index) =>
    ports.flatMap(({ hostPort = 0, containerPort }, position) => {
      // In a template a missing host port gets its default later.
      if (hostPort === containerPort || (!isPod && hostPort === 0)) return []
      const here = at.child('containers').index(index).child('ports').index(position).child('hostPort')
      return [here.invalid(hostPort, 'must match `containerPort` when `hostNetwork` is true')]
    }),
  )
}

/** A user namespace of its own, and the host's other namespaces, exclude each other (KEP-127). */
export function validateHostUsers({ spec }: PodContext, at: Path): FieldError[] {
  if (spec.hostUsers !== false) return []
  const message = 'when `hostUsers` is false'
  return [
    ...(spec.hostNetwork ? [at.child('hostNetwork').forbidden(message)] : []),
    ...(spec.hostPID ? [at.child('HostPID').forbidden(message)] : []),
    ...(spec.hostIPC ? [at.child('HostIPC').forbidden(message)] : []),
    ...eachContainer(spec, at)
      .filter(({ container }) => container.volumeDevices?.length)
      .map(({ here }) => here.child('volumeDevices').forbidden(message)),
  ]
}

export function validateHostnameOverride({ spec }: PodContext, at: Path): FieldError[] {
  const { hostnameOverride, setHostnameAsFQDN, hostNetwork } = spec
  if (hostnameOverride === undefined) return []
  return [
    ...(setHostnameAsFQDN ? [at.forbidden('may not be specified when setHostnameAsFQDN is true')] : []),
    ...(hostNetwork ? [at.forbidden('may not be specified when hostNetwork is true')] : []),
    ...(Buffer.byteLength(hostnameOverride) > 64 ? [at.tooLong(64)] : []),
    ...dnsSubdomain(hostnameOverride, at),
  ]
}
