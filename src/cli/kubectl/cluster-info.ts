/** `kubectl cluster-info`: where the control plane and the cluster's own services are. */
import type { Json } from './session.ts'
import { defineVerb } from './verb.ts'

export default defineVerb({
  usage: 'cluster-info',
  summary: 'Display cluster information',
  flags: {},
  async run({ session, out }) {
    const { server } = session.connection
    const namespace = session.globals.namespace || 'kube-system'
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`
    try {
      const { items = [] } = await session.get(path, {
        query: { labelSelector: 'kubernetes.io/cluster-service=true', limit: '500' },
      })
      out(`Kubernetes control plane is running at ${server}\n`)
      for (const service of items) {
        const { name, labels } = service.metadata
        out(`${labels?.['kubernetes.io/name'] || name} is running at ${linkOf(service, server)}\n`)
      }
    } finally {
      out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n")
    }
  },
})

/** Outside where there is a load balancer, else through the API server. */
function linkOf({ metadata, spec, status }: Json, server: string): string {
  const [ingress] = status?.loadBalancer?.ingress ?? []
  const ports: Json[] = spec.ports ?? []
  if (ingress) return ports.map(({ port }) => `http://${ingress.ip || ingress.hostname}:${port} `).join('')
  const [port] = ports
  const secure = port && (port.name === 'https' || port.port === 443)
  const name = secure ? `https:${metadata.name}:${port.name ?? ''}` : port?.name ? `${metadata.name}:${port.name}` : metadata.name
  return `${server}/api/v1/namespaces/${metadata.namespace}/services/${name}/proxy`
}
