/** The order in which services start, and its reverse, in which they stop. */
import { WorkflowError } from '../workflow-error.ts'
import type { Service } from './service.ts'

/** Each behind all that it depends on. Throws where that is impossible, or somebody unknown is waited for. */
export function startOrder(services: Readonly<Record<string, Service>>): readonly Service[] {
  const done = new Set<string>()
  const order: Service[] = []
  const visit = (name: string, above: readonly string[]): void => {
    if (done.has(name)) return
    if (above.includes(name)) {
      const circle = [...above.slice(above.indexOf(name)), name]
      throw new WorkflowError(`dependency cycle detected: ${circle.join(' -> ')}`)
    }
    const service = services[name]
    if (!service) {
      const from = above.at(-1)
      throw new WorkflowError(`service ${JSON.stringify(from)} depends on undefined service ${JSON.stringify(name)}`)
    }
    for (const { service: other, isRequired } of service.dependsOn) {
      if (services[other] || isRequired) visit(other, [...above, name])
    }
    done.add(name)
    order.push(service)
  }
  for (const name of Object.keys(services)) visit(name, [])
  return order
}

/** The services and all that they stand on. */
export function withDependencies(services: Readonly<Record<string, Service>>, names: readonly string[]): Record<string, Service> {
  const wanted = new Set<string>()
  const want = (name: string) => {
    if (wanted.has(name)) return
    wanted.add(name)
    for (const { service } of services[name]?.dependsOn ?? []) want(service)
  }
  for (const name of names) {
    if (services[name]) want(name)
    else throw new WorkflowError(`no such service: ${name}. There are: ${Object.keys(services).join(', ')}.`)
  }
  return Object.fromEntries(Object.entries(services).filter(([name]) => wanted.has(name)))
}
