/** Flags that several commands of the cluster share. */
import { CommandError } from '#cli/command.ts'

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

/** As kube-apiserver's flags of these names. */
export const admissionFlags = {
  'enable-admission-plugins': { type: 'string', value: 'N,...', doc: 'admission plugins beside those that are on by default' },
  'disable-admission-plugins': { type: 'string', value: 'N,...', doc: 'admission plugins to turn off' },
  'admission-control-config-file': { type: 'string', value: 'F', doc: 'an AdmissionConfiguration, for plugins that take one' },
} as const

/** As kube-controller-manager's flag of this name. */
export const controllersFlag = {
  type: 'string',
  value: 'N,...',
  doc: "which controllers run: names, '*' for all that are on by default, '-name' to take one out (default '*')",
} as const

/** A `--controllers` as a list. */
export async function controllersFrom(text: string | undefined): Promise<readonly string[] | undefined> {
  if (text === undefined) return undefined
  const { readControllers } = await import('#cluster/controllers-flag.ts')
  try {
    return readControllers(text)
  } catch (error) {
    throw new CommandError((error as Error).message, { exitCode: 2, cause: error })
  }
}

/** The many other flags of kube-apiserver, in a file. */
export const configFile = {
  type: 'string',
  value: 'FILE',
  doc: "other flags of kube-apiserver, such as audit-policy-file, one 'flag: value' a line",
} as const

/** Where the state is kept. */
export const storeFlags = {
  store: { type: 'string', value: 'E', doc: 'where the state is kept: sqlite (the default, a file) or etcd' },
  'etcd-endpoints': { type: 'string', value: 'U,...', doc: 'members of the etcd cluster: https://10.0.0.1:2379,...' },
  'etcd-cafile': { type: 'string', value: 'F', doc: "who signs etcd's certificates" },
  'etcd-certfile': { type: 'string', value: 'F', doc: 'certificate to show to etcd' },
  'etcd-keyfile': { type: 'string', value: 'F', doc: 'its key' },
  'etcd-prefix': { type: 'string', value: 'P', doc: 'what all keys in etcd begin with (default /registry)' },
} as const

export const etcdApiPort = {
  type: 'string',
  value: 'P',
  doc: "serve etcd's API on 127.0.0.1:P before the state in a file, for etcdctl with the administrator's certificate (default: off)",
} as const
