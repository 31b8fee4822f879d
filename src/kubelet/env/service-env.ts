/** Environment variables by which containers find services (upstream: `pkg/kubelet/envvars`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'

/** `services`: those of every namespace. The API server's own service is always among them, the others with `enableServiceLinks`. */
export function serviceEnv(pod: Pod, services: Iterable<Service>): Map<string, string> {
  const links = pod.spec.enableServiceLinks ?? true
  const chosen = new Map<string, Service>()
  for (const service of services) {
    const { name, namespace } = service.metadata
    const { clusterIP } = service.spec
    if (!clusterIP || clusterIP === 'None') continue
    const isMaster = namespace === 'default' && name === 'kubernetes'
    const isOwn = namespace === pod.metadata.namespace && links
    if (isOwn || (isMaster && !chosen.has(name))) chosen.set(name, service)
  }
  const env = new Map<string, string>()
  for (const name of [...chosen.keys()].sort()) addService(env, chosen.get(name) as Service)
  return env
}

function addService(env: Map<string, string>, { metadata, spec }: Service): void {
  const prefix = metadata.name.toUpperCase().replaceAll('-', '_')
  const host = spec.clusterIP ?? ''
  const ports = spec.ports ?? []
  env.set(`${prefix}_SERVICE_HOST`, host)
  if (ports[0]) env.set(`${prefix}_SERVICE_PORT`, String(ports[0].port))
  for (const { name, port } of ports) {
    if (name) env.set(`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll('-', '_')}`, String(port))
  }
  ports.forEach(({ port, protocol = 'TCP' }, index) => {
    const address = host.includes(':') ? `[${host}]` : host
    const url = `${protocol.toLowerCase()}://${address}:${port}`
    const own = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`
    if (index === 0) env.set(`${prefix}_PORT`, url)
    env.set(own, url)
    env.set(`${own}_PROTO`, protocol.toLowerCase())
    env.set(`${own}_PORT`, String(port))
    env.set(`${own}_ADDR`, host)
  })
}
