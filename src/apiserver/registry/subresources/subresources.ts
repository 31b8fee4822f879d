/** The subresources, by `plural/name`, or by name where every kind has the same. */
import type { Soon } from '#lib/soon.ts'
import type { Kind } from '#schema/kind.ts'
import type { Request, Response } from '../../request.ts'
import { get } from '../get.ts'
import { patch } from '../patch.ts'
import type { Registry } from '../registry.ts'
import { update } from '../update.ts'
import { createBinding } from './binding.ts'
import { connect } from './connect.ts'
import { evict } from './eviction.ts'
import { getScale, patchScale, updateScale } from './scale.ts'
import { createToken } from './token.ts'

/** By verb; `connect` serves every verb that has no entry of its own. */
export type Handlers = Readonly<Record<string, (registry: Registry, request: Request, kind: Kind) => Soon<Response>>>

export const subresources: Readonly<Record<string, Handlers>> = {
  status: { get, update, patch },
  scale: { get: getScale, update: updateScale, patch: patchScale },
  // The kind says what such a part may change.
  'namespaces/finalize': { update },
  'certificatesigningrequests/approval': { get, update, patch },
  'pods/binding': { create: createBinding },
  'pods/eviction': { create: evict },
  'pods/ephemeralcontainers': { get, update, patch },
  'pods/resize': { get, update, patch },
  'serviceaccounts/token': { create: createToken },
  ...connect,
}
