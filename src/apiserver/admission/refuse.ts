/** The 403 with which a plugin refuses (upstream `admission.NewForbidden`). */
import { forbidden, type StatusError } from '#schema/status-error.ts'
import type { AdmissionRequest } from './plugin.ts'

/** `pods "web" is forbidden: <why>`; an object without a name goes by its generateName. */
export function refuse({ kind, name, object }: AdmissionRequest, why: string): StatusError {
  const { metadata } = object ?? {}
  return forbidden(kind, name || metadata?.name || metadata?.generateName || 'Unknown', why)
}
