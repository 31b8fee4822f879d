/** Lets the server read an object of a file, check it and say what it would become; nothing is kept. */
import type { Client } from '#client/client.ts'
import type { KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Manifest } from '../project/manifests.ts'
import { WorkflowError } from '../workflow-error.ts'

/** Throws WorkflowError that names the object. Undefined where the namespace is not there yet: the same file may make it. */
export async function tryOut(client: Client, { kind, object }: Manifest): Promise<KubeObject | undefined> {
  const patch = { type: 'apply', body: object, force: true } as const
  try {
    return await client.patch(kind, object.metadata, patch, { dryRun: true, fieldManager: 'nami', fieldValidation: 'Strict' })
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw new WorkflowError(`${kind.kind.toLowerCase()}/${object.metadata.name}: ${(error as Error).message}`, { cause: error })
  }
}
