/** `--scale SERVICE=N` */
import { WorkflowError } from '../workflow-error.ts'
import type { Stack } from './read-stack.ts'

export function withScales(stack: Stack, scales: readonly string[]): Stack {
  const services = { ...stack.services }
  for (const text of scales) {
    const [, name = '', number = ''] = /^(.+)=(\d+)$/.exec(text) ?? []
    const service = services[name]
    if (!service) {
      throw new WorkflowError(`--scale ${text}: SERVICE=N. There are: ${Object.keys(services).join(', ')}.`, { exitCode: 2 })
    }
    services[name] = { ...service, scale: Number(number) }
  }
  return { ...stack, services }
}
