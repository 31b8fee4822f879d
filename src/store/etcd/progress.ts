/**
 * Which etcd can be asked how far a watch is: older ones may answer with a revision whose events have not been sent
 * (etcd-io/etcd#15220; upstream's `feature_support_checker.go`).
 */
export function trustsProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  if (major !== 3) return major > 3
  if (minor === 4) return patch >= 31
  return minor > 5 || (minor === 5 && patch >= 13)
}
