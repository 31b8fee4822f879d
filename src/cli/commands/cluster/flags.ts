/** Flags that several commands of the cluster share. */
export const dataDir = {
  type: 'string',
  value: 'D',
  doc: 'directory of the cluster (default /var/lib/nami for root, else ~/.local/share/nami)',
} as const

export const runtimeConfig = {
  type: 'string',
  value: 'K=V,...',
  doc: 'versions of the API to serve besides the stable ones: api/beta=true, resource.k8s.io/v1beta2=true',
} as const

/** As kube-apiserver's flag of this name. */
export const encryptionProviderConfig = {
  type: 'string',
  value: 'FILE',
  doc: 'an EncryptionConfiguration: which resources are encrypted at rest, and by which keys',
} as const
