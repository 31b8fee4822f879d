/** Installs the system packages that tests of the node and of real clients want, where that can be done. */
import { findProgram, install, missingRequirements, type Requirement } from './provision.ts'

/** Beside what a node needs. */
const forTests: readonly Requirement[] = [
  { anyOf: ['curl'], debian: 'curl', why: 'is a client that nobody here wrote' },
  { anyOf: ['docker-registry'], debian: 'docker-registry', why: 'takes the images that the tests push' },
  { anyOf: ['etcd'], debian: 'etcd-server', why: 'keeps the state of several API servers' },
  { anyOf: ['etcdctl'], debian: 'etcd-client', why: 'is its client' },
  { anyOf: ['skopeo'], debian: 'skopeo', why: 'reads them' },
  { anyOf: ['strace'], debian: 'strace', why: 'sees what the store writes, and lets its disk fail' },
]

/** Without root or apt nothing is done: the tests say themselves what they miss. */
export async function provideForTests(say: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0 || !findProgram('apt-get')) return
  const missing = [...missingRequirements(), ...forTests.filter(({ anyOf }) => !anyOf.some((name) => findProgram(name)))]
  if (missing.length > 0) await install(missing, say)
}
