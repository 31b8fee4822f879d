/** VolumeAttachment: asks that a volume be attached to a node, and says whether it is. */

import { PersistentVolumeSpec } from '#api/core/v1/persistent-volume.ts'
import { formatted } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { bytesOf, validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, boolean, int32, map, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const volumeAttachmentSource = object('io.k8s.api.storage.v1.VolumeAttachmentSource', {
  persistentVolumeName: pointer(1, string(), { doc: 'Name of the persistent volume.' }),
  inlineVolumeSpec: pointer(2, PersistentVolumeSpec, { doc: 'The volume itself, for volumes that pods have inline.' }),
})
export interface VolumeAttachmentSource extends TypeOf<typeof volumeAttachmentSource> {}
export const VolumeAttachmentSource: Schema<VolumeAttachmentSource> = volumeAttachmentSource

const volumeAttachmentSpec = object('io.k8s.api.storage.v1.VolumeAttachmentSpec', {
  attacher: always(1, string(), { doc: 'Driver that attaches.' }),
  source: always(2, VolumeAttachmentSource, { isRequired: true, doc: 'Volume that is to be attached.' }),
  nodeName: always(3, string(), { doc: 'Node it is to be attached to.' }),
})
export interface VolumeAttachmentSpec extends TypeOf<typeof volumeAttachmentSpec> {}
export const VolumeAttachmentSpec: Schema<VolumeAttachmentSpec> = volumeAttachmentSpec

const volumeError = object('io.k8s.api.storage.v1.VolumeError', {
  time: always(1, time(), { doc: 'When it happened.' }),
  message: optional(2, string(), { doc: 'What happened; no secrets.' }),
  errorCode: pointer(3, int32(), { doc: 'gRPC code of the error.' }),
})
export interface VolumeError extends TypeOf<typeof volumeError> {}
export const VolumeError: Schema<VolumeError> = volumeError

const volumeAttachmentStatus = object('io.k8s.api.storage.v1.VolumeAttachmentStatus', {
  attached: always(1, boolean(), { doc: 'Whether it is attached.' }),
  attachmentMetadata: optional(2, map(string()), { doc: 'What the driver said when it attached.' }),
  attachError: pointer(3, VolumeError, { doc: 'Last error of attaching.' }),
  detachError: pointer(4, VolumeError, { doc: 'Last error of detaching.' }),
})
export interface VolumeAttachmentStatus extends TypeOf<typeof volumeAttachmentStatus> {}
export const VolumeAttachmentStatus: Schema<VolumeAttachmentStatus> = volumeAttachmentStatus

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  scope: 'Cluster',
  doc: 'A volume attachment asks for a volume to be attached to a node.',
  schemaName: 'io.k8s.api.storage.v1.VolumeAttachment',
  fields: {
    spec: always(2, VolumeAttachmentSpec, { isRequired: true }),
    status: always(3, VolumeAttachmentStatus),
  },
  status: true,
  requireVersion: true,
  generationFrom: [],
  prepareStatus: (attachment, old) => resetMetadata(attachment.metadata, old.metadata),
  validate: ({ metadata, spec }, at) => [...validateFinalizers(metadata, at), ...specErrors(spec, at.child('spec'))],
  validateCreate: ({ spec }, at) => validateDriverName(spec.attacher, at.child('spec', 'attacher')),
  validateUpdate: (now, old, at) => immutableErrors(now.spec, old.spec, at.child('spec')),
  validateStatusUpdate: ({ status }, _old, at) => statusErrors(status, at.child('status')),
  columns: [
    { name: 'Attacher', format: 'name', doc: 'Driver that attaches.', value: ({ spec }) => spec.attacher },
    { name: 'PV', doc: 'Volume that is attached.', value: ({ spec }) => spec.source.persistentVolumeName ?? '' },
    { name: 'Node', doc: 'Node it is attached to.', value: ({ spec }) => spec.nodeName },
    { name: 'Attached', type: 'boolean', doc: 'Whether it is attached.', value: ({ status }) => status.attached },
    age,
  ],
})

function specErrors({ attacher, source, nodeName }: VolumeAttachmentSpec, at: Path): FieldError[] {
  return [
    ...(attacher ? [] : [at.child('attacher').required()]),
    ...sourceErrors(source, at.child('source')),
    ...formatted(isDns1123Subdomain, nodeName, at.child('nodeName')),
  ]
}

function sourceErrors({ persistentVolumeName: name, inlineVolumeSpec }: VolumeAttachmentSource, at: Path): FieldError[] {
  const message = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
  if (name === undefined) return inlineVolumeSpec ? [] : [at.required(message)]
  if (inlineVolumeSpec) return [at.forbidden(message)]
  const here = at.child('persistentVolumeName')
  return name === '' ? [here.required('must specify non empty persistentVolumeName')] : formatted(isDns1123Subdomain, name, here)
}

const maxMetadata = 256 * 1024
const maxMessage = 1024

function statusErrors({ attachmentMetadata, attachError, detachError }: VolumeAttachmentStatus, at: Path): FieldError[] {
  return [
    ...(bytesOf(attachmentMetadata) > maxMetadata ? [at.child('attachmentMetadata').tooLong(maxMetadata)] : []),
    ...problemErrors(attachError, at.child('attachError')),
    ...problemErrors(detachError, at.child('detachError')),
  ]
}

function problemErrors(problem: VolumeError | undefined, at: Path): FieldError[] {
  const { message = '', errorCode: code } = problem ?? {}
  return [
    // Upstream names the limit of the metadata here.
    ...(Buffer.byteLength(message) > maxMessage ? [at.child('message').tooLong(maxMetadata)] : []),
    ...(code !== undefined && code < 0
      ? [at.child('errorCode').invalid(code, 'must be between 0 and 2147483647, inclusive')]
      : []),
  ]
}

export interface VolumeAttachment extends ObjectOf<typeof kind> {}
export const VolumeAttachment: Kind<'VolumeAttachment', VolumeAttachment> = kind
