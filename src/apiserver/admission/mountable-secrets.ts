/** Service accounts that name the secrets which their pods may use (`kubernetes.io/enforce-mountable-secrets`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { ServiceAccount } from '#api/core/v1/service-account.ts'

/** Why the pod may not be, if it uses a secret that its account does not name. */
export function checkMountableSecrets({ spec }: Pod, account: ServiceAccount): string | undefined {
  const { mountable, pull, suffix } = allowed(account)
  for (const { secret } of spec.volumes ?? []) {
    if (secret && !mountable.has(secret.secretName))
      return `volume with secret.secretName="${secret.secretName}" ${suffix('secret')}`
  }
  for (const [title, containers] of [
    ['init container', spec.initContainers],
    ['container', spec.containers],
  ] as const) {
    const why = checkEnvironment(title, containers ?? [], account)
    if (why) return why
  }
  const at = (spec.imagePullSecrets ?? []).findIndex(({ name }) => !pull.has(name))
  const name = spec.imagePullSecrets?.[at]?.name
  return at < 0 ? undefined : `imagePullSecrets[${at}].name="${name}" ${suffix('imagePullSecret')}`
}

export function checkEphemeralSecrets({ spec }: Pod, account: ServiceAccount): string | undefined {
  return checkEnvironment('ephemeral container', spec.ephemeralContainers ?? [], account)
}

type WithEnvironment = Pick<Pod['spec']['containers'][number], 'name' | 'env'>

function checkEnvironment(title: string, containers: readonly WithEnvironment[], account: ServiceAccount): string | undefined {
  const { mountable, suffix } = allowed(account)
  for (const { name, env = [] } of containers) {
    for (const variable of env) {
      const secret = variable.valueFrom?.secretKeyRef
      if (!secret || mountable.has(secret.name)) continue
      return `${title} ${name} with envVar ${variable.name} referencing secret.secretName="${secret.name}" ${suffix('secret')}`
    }
  }
  return undefined
}

function allowed({ metadata, secrets = [], imagePullSecrets = [] }: ServiceAccount) {
  return {
    mountable: new Set(secrets.map(({ name }) => name)),
    pull: new Set(imagePullSecrets.map(({ name }) => name)),
    suffix: (what: string) => `is not allowed because service account ${metadata.name} does not reference that ${what}`,
  }
}
