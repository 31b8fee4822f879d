/** `--controllers` of the server: every name must be one that this program knows. */
import { controllersOf } from '#controllers/controllers.ts'
import { selectControllers } from '#controllers/select.ts'

/** Known also where what they need is not there, so that a list of names is good everywhere. */
export const needy: ReadonlySet<string> = new Set([
  'root-ca-certificate-publisher-controller',
  'serviceaccount-token-controller',
  'certificatesigningrequest-signing-controller',
  'kube-apiserver-serving-clustertrustbundle-publisher-controller',
  'podcertificaterequest-cleaner-controller',
  'storage-version-migrator-controller',
])

/** `*,-deployment` as a list; throws on a name that nobody has. */
export function readControllers(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim())
  selectControllers(controllersOf(), list, needy)
  return list
}
