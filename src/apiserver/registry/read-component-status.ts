/** GET and list of ComponentStatus: the parts of the control plane, asked when somebody reads (upstream `registry/core/componentstatus`). */
import { ComponentStatus } from '#api/core/v1/component-status.ts'
import type { KubeObject } from '#schema/kind.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import type { Registry } from './registry.ts'
import { matcherOf } from './selection.ts'

const store = 'etcd-0'
const names: readonly string[] = ['scheduler', 'controller-manager', store]

export async function readComponentStatus(registry: Registry, request: Request): Promise<Response> {
  const { name, verb } = request.info
  const { kind, apiVersion } = ComponentStatus
  // A list that selects one by its name has it in its info, too.
  if (verb === 'list') {
    const { matches } = matcherOf(request, ComponentStatus)
    const items = (await Promise.all(names.map((component) => statusOf(registry, component)))).filter(matches)
    return { type: 'object', status: 200, object: { kind: `${kind}List`, apiVersion, metadata: {}, items } }
  }
  // Upstream's error is none of the API's, which makes it a 500.
  if (!names.includes(name)) throw new StatusError('' as Reason, `Component not found: ${name}`, { code: 500 })
  return { type: 'object', status: 200, object: await statusOf(registry, name) }
}

/** Controllers and scheduler live in the process that answers: that there is an answer says that they do. */
async function statusOf(registry: Registry, name: string): Promise<KubeObject> {
  const error = name === store ? await registry.store.status().then(() => undefined, String) : undefined
  const health = error === undefined ? { status: 'True', message: 'ok' } : { status: 'False', error }
  const { kind, apiVersion } = ComponentStatus
  return { kind, apiVersion, metadata: { name }, conditions: [{ type: 'Healthy', ...health }] } as unknown as KubeObject
}
