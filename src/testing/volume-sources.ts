/** What volumes are filled from, for tests that want nothing of it. */
import type { CsiMounts } from '#kubelet/volumes/csi-mounts.ts'
import type { TokenSource } from '#kubelet/volumes/service-account-token.ts'

export const testTokens: TokenSource = {
  token: async () => 'jwt',
  status: async () => ({ token: 'jwt', expirationTimestamp: '2026-01-01T01:00:00Z' }),
  renewAt: () => undefined,
  forget: () => {},
}

export const noCsi: CsiMounts = {
  setUp: async () => {},
  refresh: async () => {},
  usage: async () => undefined,
  release: async () => {},
}
