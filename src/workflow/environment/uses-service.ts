/** Who calls a Service: workloads whose variables or command lines name its host, themselves or by a ConfigMap that they read. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Service } from '#api/core/v1/service.ts'
import type { Client } from '#client/client.ts'
import { type Question, type User, usersOf, workloads } from './uses.ts'

interface Host {
  readonly name: string
  readonly namespace: string
}

export async function callersOf(client: Client, { name, namespace }: Question): Promise<User[]> {
  const services = (await client.list(Service, { namespace })).items.filter(({ metadata }) => metadata.name === name)
  const hosts = services.map(({ metadata }) => ({ name, namespace: metadata.namespace ?? '' }))
  if (hosts.length === 0) return []
  const found = await Promise.all(workloads.map((one) => callersAmong(client, one, hosts)))
  return [...found.flat(), ...(await byConfigMap(client, hosts))]
}

async function callersAmong(
  client: Client,
  { kind, podOf }: (typeof workloads)[number],
  hosts: readonly Host[],
): Promise<User[]> {
  const { items } = await client.list(kind, {})
  return items.flatMap((object: any): User[] => {
    const { name, namespace = '', labels = {}, ownerReferences = [] } = object.metadata
    if (ownerReferences.some((owner: any) => owner.controller)) return []
    const pod = podOf(object) as any
    const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]
    const how = containers.flatMap((one: any) => [
      ...(one.env ?? [])
        .filter(({ value }: any) => hosts.some((host) => mentions(value, host, namespace)))
        .map((variable: any) => `variable ${variable.name} of container ${one.name} names it`),
      ...([...(one.command ?? []), ...(one.args ?? [])].some((word) => hosts.some((host) => mentions(word, host, namespace)))
        ? [`command of container ${one.name} names it`]
        : []),
    ])
    if (object.spec?.serviceName === hosts[0]?.name && hosts.some((host) => host.namespace === namespace)) {
      how.push('its pods have names in it')
    }
    return how.length > 0 ? [{ kind: kind.kind, namespace, name, labels, how }] : []
  })
}

/** Each ConfigMap that names the host makes its readers callers. */
async function byConfigMap(client: Client, hosts: readonly Host[]): Promise<User[]> {
  const { items } = await client.list(ConfigMap, {})
  const naming = items.filter(({ metadata, data = {} }) =>
    Object.values(data).some((text) => hosts.some((host) => mentions(text, host, metadata.namespace ?? ''))),
  )
  const found = await Promise.all(
    naming.map(async ({ metadata: { name, namespace } }) => {
      const users = await usersOf(client, { what: 'configmap', name, namespace })
      return users.map((user) => ({ ...user, how: [`configmap ${name} names it`] }))
    }),
  )
  return found.flat()
}

/** `http://web`, `web:80`, `web.shop`, `web.shop.svc.cluster.local`; from its own namespace also the bare name. Pure. */
export function mentions(text: string | undefined, { name, namespace }: Host, from: string): boolean {
  if (!text) return false
  const escaped = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const full = new RegExp(`(^|[^\\w.-])${escaped(name)}\\.${escaped(namespace)}(\\.svc[\\w.-]*)?($|[^\\w.-])`)
  if (full.test(text)) return true
  if (from !== namespace) return false
  return new RegExp(`(//|@)${escaped(name)}($|[:/\\s,;"'])|(^|[\\s,;"'=])${escaped(name)}(:\\d+|$)`).test(text)
}
