/** The files that ConfigMaps, Secrets and the downward API become in a volume. */
import type { DownwardAPIVolumeFile, KeyToPath } from '#api/core/v1/volume.ts'
import { fieldText, resourceText } from '../env/field-ref.ts'
import type { Payload, PayloadFile } from './atomic-writer.ts'
import type { ObjectData } from './object-source.ts'
import type { VolumeContext } from './volume-plugin.ts'

export interface Reference {
  readonly name: string
  readonly items?: readonly KeyToPath[] | undefined
  readonly optional?: boolean | undefined
  readonly mode: number
}

export async function configMapPayload({ pod, objects }: VolumeContext, reference: Reference): Promise<Payload> {
  const found = await objects.configMap(pod.metadata.namespace ?? '', reference.name)
  if (!found && !reference.optional) throw new Error(`configmap "${reference.name}" not found`)
  return keysOf(found, reference, (key) => `configmap references non-existent config key: ${key}`)
}

export async function secretPayload({ pod, objects }: VolumeContext, reference: Reference): Promise<Payload> {
  const found = await objects.secret(pod.metadata.namespace ?? '', reference.name)
  if (!found && !reference.optional) throw new Error(`secret "${reference.name}" not found`)
  return keysOf(found, reference, (key) => `references non-existent secret key: ${key}`)
}

function keysOf(found: ObjectData | undefined, { items, optional, mode }: Reference, missing: (key: string) => string): Payload {
  const files = new Map<string, PayloadFile>()
  if (!items?.length) {
    for (const [key, content] of found?.entries ?? []) files.set(key, { content, mode })
    return files
  }
  for (const { key, path, mode: own } of items) {
    const content = found?.entries.get(key)
    if (content) files.set(path, { content, mode: own ?? mode })
    else if (!optional) throw new Error(missing(key))
  }
  return files
}

export function downwardPayload(
  { pod, addresses, allocatable }: VolumeContext,
  items: readonly DownwardAPIVolumeFile[],
  mode: number,
): Payload {
  const files = new Map<string, PayloadFile>()
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const text = fieldRef
      ? fieldText(pod, fieldRef.fieldPath, addresses)
      : resourceFieldRef
        ? resourceText(pod, resourceFieldRef, { allocatable })
        : ''
    files.set(path, { content: Buffer.from(text), mode: own ?? mode })
  }
  return files
}
