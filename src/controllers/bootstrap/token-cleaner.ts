/** Token cleaner: bootstrap tokens go when their time is over (upstream `controller/bootstrap`). Off by default, as upstream. */
import { Secret } from '#api/core/v1/secret.ts'
import { defineController } from '../runtime/controller.ts'
import { expiryOf, isTokenSecret } from './token-secret.ts'

export const tokenCleanerController = defineController({
  name: 'token-cleaner-controller',
  account: 'token-cleaner',
  for: Secret,
  writes: [Secret],

  async reconcile(secret, cluster) {
    const expiry = isTokenSecret(secret) ? expiryOf(secret) : undefined
    if (expiry === undefined) return undefined
    const left = expiry - cluster.clock.now()
    if (left > 0) return { after: left / 1000 }
    await cluster.delete(Secret, secret)
    return undefined
  },
})
