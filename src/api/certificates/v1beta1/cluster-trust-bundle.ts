/** ClusterTrustBundle: certificates that pods may trust (KEP-3257). */
import { parseCertificate, pemBlocks, validateSignerName } from '#api/certificates/v1/validation.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const clusterTrustBundleSpec = object('io.k8s.api.certificates.v1beta1.ClusterTrustBundleSpec', {
  signerName: optional(1, string(), { doc: 'Signer whose anchors these are.' }),
  trustBundle: always(2, string(), { doc: 'Certificates of the anchors, PEM.' }),
})
export interface ClusterTrustBundleSpec extends TypeOf<typeof clusterTrustBundleSpec> {}
export const ClusterTrustBundleSpec: Schema<ClusterTrustBundleSpec> = clusterTrustBundleSpec

const kind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  nameFormat: 'pathSegment',
  kind: 'ClusterTrustBundle',
  plural: 'clustertrustbundles',
  scope: 'Cluster',
  doc: 'A cluster trust bundle holds trust anchors of a signer, or of nobody in particular.',
  schemaName: 'io.k8s.api.certificates.v1beta1.ClusterTrustBundle',
  requireVersion: true,
  fields: {
    spec: always(2, ClusterTrustBundleSpec, { isRequired: true }),
  },
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...nameErrors(metadata.name, spec.signerName ?? '', at.child('metadata', 'name')),
    ...(spec.signerName ? validateSignerName(spec.signerName, at.child('spec', 'signerName')) : []),
  ],
  validateCreate: ({ spec }, at) => bundleErrors(spec.trustBundle, at.child('spec', 'trustBundle')),
  validateUpdate: ({ spec }, { spec: old }, at) => [
    ...(spec.trustBundle === old.trustBundle ? [] : bundleErrors(spec.trustBundle, at.child('spec', 'trustBundle'))),
    ...immutableErrors(spec.signerName ?? '', old.signerName ?? '', at.child('spec', 'signerName')),
  ],
  selectable: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
  columns: [{ name: 'SignerName', doc: 'Signer whose anchors these are.', value: ({ spec }) => spec.signerName || '<none>' }],
})

function nameErrors(name: string, signer: string, at: Path): FieldError[] {
  if (signer === '') {
    return name.includes(':') ? [at.invalid(name, 'ClusterTrustBundle without signer name must not have ":" in its name')] : []
  }
  const prefix = `${signer.replaceAll('/', ':')}:`
  const message = `ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`
  return name.startsWith(prefix) ? [] : [at.invalid(name, message)]
}

const maxBundle = 1024 * 1024

function bundleErrors(text: string, at: Path): FieldError[] {
  if (Buffer.byteLength(text) > maxBundle) return [at.tooLong(maxBundle)]
  const invalid = (message: string) => at.invalid('<value omitted>', message)
  const blocks = pemBlocks(text)
  const errors = blocks.flatMap(({ type, hasHeaders, text }, index) => {
    if (type !== 'CERTIFICATE') return [invalid(`entry ${index} has bad block type: ${type}`)]
    if (hasHeaders) return [invalid(`entry ${index} has PEM block headers`)]
    const certificate = parseCertificate(text)
    if (!certificate) return [invalid(`entry ${index} does not parse as X.509`)]
    return certificate.ca ? [] : [invalid(`entry ${index} does not have the CA bit set`)]
  })
  if (errors.length > 0) return errors
  if (blocks.length === 0) return [invalid('at least one trust anchor must be provided')]
  const places = Map.groupBy(blocks.keys(), (index) => parseCertificate(blocks[index]?.text ?? '')?.fingerprint256)
  return [...places.values()]
    .filter((same) => same.length > 1)
    .map((same) => invalid(`duplicate trust anchor (indices [${same.join(' ')}])`))
}

export interface ClusterTrustBundle extends ObjectOf<typeof kind> {}
export const ClusterTrustBundle: Kind<'ClusterTrustBundle', ClusterTrustBundle> = kind
