/** Which kubeconfig file a command writes, and the writing. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Kubeconfig } from '#client/kubeconfig.ts'
import { parseYaml, toYaml } from '#schema/yaml.ts'
import { byteOrder } from '../output/go-json.ts'
import type { Session } from '../session.ts'

/** The first that exists; where none does, the last. */
export function defaultFile({ kubeconfigPaths }: Session): string {
  return (kubeconfigPaths.find((path) => existsSync(path)) ?? kubeconfigPaths.at(-1)) as string
}

/** The file that a context is in; for a new one the default. */
export function fileWith(session: Session, context: string): string {
  const holds = (path: string) => existsSync(path) && read(path).contexts?.some(({ name }) => name === context)
  return session.kubeconfigPaths.find(holds) ?? defaultFile(session)
}

/** The file is complete at every moment, and readable for its owner alone. */
export function changeFile(path: string, change: (config: Kubeconfig) => void): void {
  const config = existsSync(path) ? read(path) : {}
  change(config)
  mkdirSync(dirname(path), { recursive: true })
  const next = `${path}.${process.pid}.new`
  writeFileSync(next, toYaml(canonical(config)), { mode: 0o600 })
  renameSync(next, path)
}

const contextFields = ['cluster', 'user', 'namespace']
const clusterFields = [
  'server',
  'tls-server-name',
  'insecure-skip-tls-verify',
  'certificate-authority',
  'certificate-authority-data',
]
const userFields = ['client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'token', 'tokenFile']

/** These fields first, as Go has them; the others as they stand. */
function inOrder<T extends object>(entry: T, fields: readonly string[]): T {
  const known = fields.flatMap((field) => (field in entry ? [[field, entry[field as keyof T]]] : []))
  return { ...Object.fromEntries(known), ...entry }
}

/** With all the fields that kubectl writes, lists sorted by name; an empty list is null, as in Go. */
export function canonical(config: Kubeconfig): Kubeconfig {
  const { clusters, users, contexts, 'current-context': current = '', kind: _, ...others } = config
  const sorted = <T extends { name: string }>(list: T[] | undefined) =>
    list?.length ? list.toSorted((a, b) => byteOrder(a.name, b.name)) : (null as unknown as T[])
  const lists = {
    clusters: sorted(clusters?.map(({ name, cluster }) => ({ name, cluster: inOrder(cluster, clusterFields) }))),
    users: sorted(users?.map(({ name, user }) => ({ name, user: inOrder(user, userFields) }))),
    contexts: sorted(contexts?.map(({ name, context }) => ({ name, context: inOrder(context, contextFields) }))),
  }
  return { kind: 'Config', ...others, apiVersion: 'v1', ...lists, 'current-context': current }
}

function read(path: string): Kubeconfig {
  return (parseYaml(readFileSync(path, 'utf8'))[0]?.value ?? {}) as Kubeconfig
}
