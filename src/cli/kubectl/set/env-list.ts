/** `kubectl set env --list`: the variables of one container, with what they refer to. */
import { Exit } from '../errors.ts'
import type { Json, Session } from '../session.ts'

export interface ListCall {
  readonly session: Session
  readonly flags: { readonly resolve: boolean }
  out(text: string): void
  err(text: string): void
}

export async function listEnv({ session, flags, out, err }: ListCall, variables: readonly Json[]): Promise<void> {
  const failed = new Map<string, string[]>()
  for (const { name, value = '', valueFrom } of variables) {
    if (!valueFrom) {
      out(`${name}=${value}\n`)
      continue
    }
    try {
      const resolved = flags.resolve ? await resolve(session, valueFrom) : undefined
      out(resolved === undefined ? `# ${name} from ${referenceText(valueFrom)}\n` : `${name}=${resolved}\n`)
    } catch (error) {
      out(`# ${name} from ${referenceText(valueFrom)}\n`)
      const { message } = error as Error
      failed.set(message, [...(failed.get(message) ?? []), name])
    }
  }
  const lines = [...failed].map(([why, names]) => `error retrieving reference for ${names.sort().join(', ')}: ${why}\n`)
  for (const line of lines.sort()) err(line)
  if (lines.length > 0) throw new Exit(0)
}

function referenceText({ configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef }: Json): string {
  if (configMapKeyRef) return `configmap ${configMapKeyRef.name}, key ${configMapKeyRef.key}`
  if (secretKeyRef) return `secret ${secretKeyRef.name}, key ${secretKeyRef.key}`
  if (fieldRef) return `field path ${fieldRef.fieldPath}`
  const { containerName, resource } = resourceFieldRef ?? {}
  if (resource) return `resource field ${containerName ? `${containerName}/` : ''}${resource}`
  return 'invalid valueFrom'
}

/** Undefined for references that only a running pod can resolve. */
async function resolve(session: Session, { configMapKeyRef, secretKeyRef }: Json): Promise<string | undefined> {
  const reference = configMapKeyRef ?? secretKeyRef
  if (!reference) return undefined
  const [plural, noun] = configMapKeyRef ? ['configmaps', 'config map'] : ['secrets', 'secret']
  const { name, key } = reference
  const object = await session.get(
    `/api/v1/namespaces/${encodeURIComponent(session.namespace)}/${plural}/${encodeURIComponent(name)}`,
  )
  const value = object.data?.[key]
  if (value === undefined) throw new Error(`key ${key} not found in ${noun} ${name}`)
  return configMapKeyRef ? value : Buffer.from(value, 'base64').toString()
}
