/** What variables of a container refer to: fields of the pod, amounts of resources. */
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { goQuote } from '../output/go-value.ts'
import type { Json } from '../session.ts'
import { sortedEntries } from './report.ts'

/** '' for fields that a description does not resolve. */
export function fieldOf({ metadata }: Json, path: string): string {
  const subscript = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path)
  if (subscript) return metadata[subscript[1] as string]?.[subscript[2] as string] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name
    case 'metadata.namespace':
      return metadata.namespace
    case 'metadata.uid':
      return metadata.uid
    case 'metadata.labels':
    case 'metadata.annotations':
      return sortedEntries(metadata[path.slice('metadata.'.length)])
        .map(([key, value]) => `${key}=${goQuote(value)}`)
        .join('\n')
    default:
      return ''
  }
}

/** The amount in units of the divisor, rounded up. */
export function containerResource({ resource, divisor = '1' }: Json, { resources }: Json): string {
  const [kind = '', name = ''] = resource.split('.')
  const amount: string = resources?.[kind]?.[name] ?? '0'
  const unit = divisor === '0' ? '1' : divisor
  const ratio = name === 'cpu' ? milliValue(amount) / milliValue(unit) : quantityValue(amount) / quantityValue(unit)
  return String(Math.ceil(ratio))
}
