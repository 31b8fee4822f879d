/** Durations and sizes as Compose writes them. */
import { WorkflowError } from '../workflow-error.ts'

const unitOf: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `1m30s` */
export function milliseconds(text: string | number): number {
  if (typeof text === 'number') return text * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text)
    throw new WorkflowError(`${JSON.stringify(text)} is no duration: 1m30s`)
  return parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (unitOf[unit] ?? 0), 0)
}

const suffixes: Readonly<Record<string, string>> = { '': '', b: '', k: 'Ki', kb: 'Ki', m: 'Mi', mb: 'Mi', g: 'Gi', gb: 'Gi' }

/** `512m`, in powers of two as Docker reads it, to a quantity of Kubernetes. */
export function quantity(text: string | number): string {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(String(text)) ?? []
  const suffix = suffixes[unit.toLowerCase()]
  if (number === undefined || suffix === undefined) throw new WorkflowError(`${JSON.stringify(text)} is no size: 512m`)
  return `${number}${suffix}`
}
