/** One service of a Compose file in one form, whichever of its many spellings the file uses (compose-spec `05-services.md`). */
import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { splitCommand } from '../environment/command-words.ts'
import { WorkflowError } from '../workflow-error.ts'
import { parseEnvFile } from './env-file.ts'
import { type Check, checkOf, type Dependency, dependenciesOf } from './health.ts'
import { type Mount, mountsOf } from './mounts.ts'
import { type Port, portsOf } from './ports.ts'
import type { ServicePlace } from './read-stack.ts'
import { milliseconds, quantity } from './units.ts'

export interface Service {
  readonly name: string
  readonly image?: string
  readonly build?: BuildOf
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly ports: readonly Port[]
  /** Without a port on the machine. */
  readonly exposed: readonly number[]
  readonly mounts: readonly Mount[]
  readonly dependsOn: readonly Dependency[]
  readonly check?: Check
  readonly profiles: readonly string[]
  readonly scale: number
  readonly restart: 'Never' | 'OnFailure' | 'Always'
  /** Further names that others reach it by. */
  readonly aliases: readonly string[]
  /** Milliseconds. */
  readonly stopGrace?: number
  readonly resources: { readonly limits: Readonly<Record<string, string>>; readonly requests: Readonly<Record<string, string>> }
  /** Parts of the pod that are said as they are. */
  readonly pod: Readonly<Record<string, unknown>>
  readonly container: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, string>>
}

export interface BuildOf {
  readonly context: string
  readonly dockerfile?: string
  readonly target?: string
  readonly args: Readonly<Record<string, string>>
}

type Raw = Readonly<Record<string, any>>

export function serviceOf(name: string, raw: Raw, place: ServicePlace): Service {
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) throw new WorkflowError(place.at([], `${JSON.stringify(name)} is no name of a service`))
  if (raw.image === undefined && raw.build === undefined) {
    throw new WorkflowError(place.at([], `service ${name} has neither an image nor a build context`))
  }
  const command = words(raw.command)
  const entrypoint = words(raw.entrypoint)
  const check = checkOf(raw.healthcheck, place)
  const build = raw.build === undefined ? undefined : buildOf(raw.build, place)
  const stopGrace = raw.stop_grace_period === undefined ? undefined : milliseconds(raw.stop_grace_period)
  const scale = raw.scale ?? raw.deploy?.replicas ?? 1
  if (!(Number.isInteger(scale) && scale >= 0))
    throw new WorkflowError(place.at(['scale'], `scale: ${scale} is no number of copies`))
  return {
    name,
    ...(raw.image !== undefined && { image: String(raw.image) }),
    ...(build && { build }),
    ...(command && { command }),
    ...(entrypoint && { entrypoint }),
    environment: environmentOf(raw, place),
    ports: portsOf(raw.ports ?? [], place),
    exposed: (raw.expose ?? []).map((port: string | number) => Number(String(port).split('/')[0])),
    mounts: mountsOf(raw, place),
    dependsOn: dependenciesOf(raw, place),
    ...(check && { check }),
    profiles: raw.profiles ?? [],
    scale,
    restart: restartOf(raw),
    aliases: aliasesOf(raw, place),
    ...(stopGrace !== undefined && { stopGrace }),
    resources: resourcesOf(raw),
    pod: podPartsOf(raw, place),
    container: containerPartsOf(raw, place),
    labels: { ...mapOf(raw.annotations), ...mapOf(raw.labels) },
  }
}

/** A string is split as a shell would; null takes the image's own away. */
function words(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined
  return Array.isArray(value) ? value.map(String) : [...splitCommand(String(value))]
}

function buildOf(build: any, place: ServicePlace): BuildOf {
  const { context = '.', dockerfile, target, args, ...others } = typeof build === 'string' ? { context: build } : build
  for (const key of Object.keys(others)) {
    if (
      !['tags', 'platforms', 'labels', 'pull', 'no_cache', 'network', 'cache_from', 'cache_to'].includes(key) &&
      !key.startsWith('x-')
    ) {
      place.warn(['build', key], `build.${key} is left out`)
    }
  }
  return {
    context: isAbsolute(context) ? context : join(place.directory, context),
    ...(dockerfile && { dockerfile }),
    ...(target && { target }),
    args: mapOf(args),
  }
}

function environmentOf(raw: Raw, place: ServicePlace): Record<string, string> {
  const values: Record<string, string> = {}
  for (const entry of [raw.env_file ?? []].flat()) {
    const { path, required = true } = typeof entry === 'string' ? { path: entry } : entry
    const file = isAbsolute(path) ? path : join(place.directory, path)
    if (existsSync(file)) Object.assign(values, parseEnvFile(readFileSync(file, 'utf8'), place.variables))
    else if (required) throw new WorkflowError(place.at(['env_file'], `${path} does not exist`))
  }
  for (const [name, value] of Object.entries(listedMap(raw.environment))) {
    // A name alone takes the shell's value.
    const known = value === null ? place.variables[name] : value
    if (known !== undefined && known !== null) values[name] = String(known)
    else if (value === null) delete values[name]
  }
  return values
}

function restartOf({ restart, deploy }: Raw): Service['restart'] {
  const policy = deploy?.restart_policy?.condition ?? restart ?? 'no'
  if (/^(always|unless-stopped|any)$/.test(policy)) return 'Always'
  return /^on-failure/.test(policy) ? 'OnFailure' : 'Never'
}

function aliasesOf(raw: Raw, place: ServicePlace): string[] {
  const networks: Record<string, any> = Array.isArray(raw.networks) ? {} : (raw.networks ?? {})
  if ((Array.isArray(raw.networks) ? raw.networks : Object.keys(networks)).some((name: string) => name !== 'default')) {
    place.warn(['networks'], 'all services of a stack share one network: networks only give names')
  }
  for (const [name, network] of Object.entries(networks)) {
    if (network?.ipv4_address || network?.ipv6_address)
      place.warn(['networks', name], 'fixed addresses are left out: the node gives addresses')
  }
  return [
    ...new Set([
      ...Object.values(networks).flatMap((network) => (network?.aliases ?? []) as string[]),
      ...(raw.container_name ? [raw.container_name as string] : []),
      ...(raw.hostname ? [raw.hostname as string] : []),
    ]),
  ].filter((name) => /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name))
}

function resourcesOf({ deploy, mem_limit, mem_reservation, cpus }: Raw): Service['resources'] {
  const limits = deploy?.resources?.limits ?? {}
  const reservations = deploy?.resources?.reservations ?? {}
  const both = (cpu: unknown, memory: unknown) => ({
    ...(cpu !== undefined && { cpu: String(cpu) }),
    ...(memory !== undefined && { memory: quantity(memory as string) }),
  })
  return {
    limits: both(limits.cpus ?? cpus, limits.memory ?? mem_limit),
    requests: both(reservations.cpus, reservations.memory ?? mem_reservation),
  }
}

function podPartsOf(raw: Raw, place: ServicePlace): Record<string, unknown> {
  const hosts = Object.entries(hostMap(raw.extra_hosts))
  const sysctls = Object.entries(mapOf(raw.sysctls)).map(([name, value]) => ({ name, value }))
  const groups = (raw.group_add ?? []).map(Number).filter(Number.isInteger)
  const dns = { nameservers: raw.dns && [raw.dns].flat(), searches: raw.dns_search && [raw.dns_search].flat() }
  if (/^(service|container):/.test(raw.network_mode ?? '')) {
    place.warn(['network_mode'], `${raw.network_mode} is left out: pods have an address of their own`)
  }
  return {
    ...(hosts.length > 0 && {
      hostAliases: hosts.filter(([, ip]) => ip !== 'host-gateway').map(([name, ip]) => ({ ip, hostnames: [name] })),
    }),
    ...(raw.network_mode === 'host' && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
    ...(raw.pid === 'host' && { hostPID: true }),
    ...(raw.ipc === 'host' && { hostIPC: true }),
    ...(raw.hostname && raw.network_mode !== 'host' && { hostname: String(raw.hostname).split('.')[0] }),
    ...(dns.nameservers && { dnsPolicy: 'None' }),
    ...((dns.nameservers || dns.searches) && { dnsConfig: JSON.parse(JSON.stringify(dns)) }),
    ...((sysctls.length > 0 || groups.length > 0) && {
      securityContext: { ...(sysctls.length > 0 && { sysctls }), ...(groups.length > 0 && { supplementalGroups: groups }) },
    }),
  }
}

function containerPartsOf(raw: Raw, place: ServicePlace): Record<string, unknown> {
  const [user, group] = String(raw.user ?? '').split(':')
  for (const id of [user, group]) {
    if (id && !/^\d+$/.test(id)) place.warn(['user'], `user ${id} is left out: write its number`)
  }
  const strip = (names: readonly string[] | undefined) => names?.map((name) => name.replace(/^CAP_/, ''))
  const capabilities = { ...(raw.cap_add && { add: strip(raw.cap_add) }), ...(raw.cap_drop && { drop: strip(raw.cap_drop) }) }
  const security = {
    ...(user && /^\d+$/.test(user) && { runAsUser: Number(user) }),
    ...(group && /^\d+$/.test(group) && { runAsGroup: Number(group) }),
    ...(raw.privileged && { privileged: true }),
    ...(raw.read_only && { readOnlyRootFilesystem: true }),
    ...((raw.security_opt ?? []).some((one: string) => /^no-new-privileges/.test(one)) && { allowPrivilegeEscalation: false }),
    ...(Object.keys(capabilities).length > 0 && { capabilities }),
  }
  return {
    ...(raw.working_dir && { workingDir: raw.working_dir }),
    ...(raw.tty && { tty: true }),
    ...(raw.stdin_open && { stdin: true }),
    ...(raw.pull_policy && { imagePullPolicy: pullPolicies[raw.pull_policy as string] ?? 'IfNotPresent' }),
    ...(Object.keys(security).length > 0 && { securityContext: security }),
  }
}

const pullPolicies: Readonly<Record<string, string>> = {
  always: 'Always',
  never: 'Never',
  missing: 'IfNotPresent',
  build: 'IfNotPresent',
}

/** `NAME=value` lines or a map; null for a name alone. */
function listedMap(value: any): Record<string, string | null> {
  if (!Array.isArray(value)) return value ?? {}
  return Object.fromEntries(
    value.map((line): [string, string | null] => {
      const at = String(line).indexOf('=')
      return at < 0 ? [String(line), null] : [String(line).slice(0, at), String(line).slice(at + 1)]
    }),
  )
}

export function mapOf(value: any): Record<string, string> {
  return Object.fromEntries(Object.entries(listedMap(value)).map(([key, one]) => [key, String(one ?? '')]))
}

/** `host:ip` or `host=ip`. */
function hostMap(value: any): Record<string, string> {
  if (!Array.isArray(value)) return value ?? {}
  return Object.fromEntries(value.map((line: string) => [line.split(/[:=]/)[0] ?? '', line.replace(/^[^:=]*[:=]/, '')]))
}
