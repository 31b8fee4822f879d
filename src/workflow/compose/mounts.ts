/** What is mounted into services: folders of this machine, volumes that stay, memory, configs and secrets. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { WorkflowError } from '../workflow-error.ts'
import type { ServicePlace } from './read-stack.ts'
import { quantity } from './units.ts'

export type Mount =
  | { readonly kind: 'folder'; readonly source: string; readonly target: string; readonly isReadOnly: boolean }
  | {
      readonly kind: 'volume'
      readonly source: string
      readonly target: string
      readonly isReadOnly: boolean
      readonly subPath?: string
    }
  /** Gone with the container. */
  | { readonly kind: 'scratch'; readonly target: string }
  | { readonly kind: 'memory'; readonly target: string; readonly size?: string }
  | { readonly kind: 'config' | 'secret'; readonly source: string; readonly target: string; readonly mode?: number }

type Raw = Readonly<Record<string, any>>

export function mountsOf(raw: Raw, place: ServicePlace): Mount[] {
  const tmpfs = [raw.tmpfs ?? []].flat().map((text: string): Mount => {
    const [target = '', options = ''] = text.split(':')
    const size = /size=([^,]+)/.exec(options)?.[1]
    return { kind: 'memory', target, ...(size && { size: quantity(size) }) }
  })
  const shared: Mount[] = raw.shm_size === undefined ? [] : [{ kind: 'memory', target: '/dev/shm', size: quantity(raw.shm_size) }]
  return [
    ...(raw.volumes ?? []).map((one: any) => (typeof one === 'string' ? shortForm(one, place) : longForm(one, place))),
    ...tmpfs,
    ...shared,
    ...fileMounts('config', raw.configs ?? []),
    ...fileMounts('secret', raw.secrets ?? []),
  ]
}

/** `[source:]target[:mode]` */
function shortForm(text: string, place: ServicePlace): Mount {
  const parts = text.split(':')
  if (parts.length > 3 || parts.some((part) => part === ''))
    throw new WorkflowError(place.at(['volumes'], `${JSON.stringify(text)} is no volume: source:target`))
  const [source = '', target, mode = ''] = parts
  if (target === undefined) return { kind: 'scratch', target: source }
  const isReadOnly = mode.split(',').includes('ro')
  if (!/^[./~]/.test(source)) return { kind: 'volume', source, target, isReadOnly }
  return { kind: 'folder', source: folderOf(source, place), target, isReadOnly }
}

function longForm(one: Raw, place: ServicePlace): Mount {
  const { type = 'volume', source, target, read_only = false } = one
  if (typeof target !== 'string') throw new WorkflowError(place.at(['volumes'], 'a volume has a target'))
  if (type === 'tmpfs')
    return { kind: 'memory', target, ...(one.tmpfs?.size !== undefined && { size: quantity(one.tmpfs.size) }) }
  if (type === 'bind') return { kind: 'folder', source: folderOf(source, place), target, isReadOnly: read_only }
  if (type !== 'volume') throw new WorkflowError(place.at(['volumes'], `volumes of type ${type} cannot be had`))
  if (source === undefined) return { kind: 'scratch', target }
  const subPath = one.volume?.subpath
  return { kind: 'volume', source, target, isReadOnly: read_only, ...(subPath && { subPath }) }
}

function folderOf(source: string, { directory }: ServicePlace): string {
  const path = source.replace(/^~(?=\/|$)/, homedir())
  return isAbsolute(path) ? path : join(directory, path)
}

function fileMounts(kind: 'config' | 'secret', listed: readonly any[]): Mount[] {
  return listed.map((one) => {
    const { source, target, mode } = typeof one === 'string' ? { source: one } : one
    const fallback = kind === 'config' ? `/${source}` : `/run/secrets/${target ?? source}`
    const isPath = typeof target === 'string' && target.startsWith('/')
    return { kind, source, target: isPath ? target : fallback, ...(mode !== undefined && { mode: Number(mode) }) }
  })
}
