/** The API server as `nami server` composes it, without controllers and scheduler, and a user who has his rights by RBAC. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Namespace } from '#api/core/v1/namespace.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { kinds } from '#api/kinds.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { bootstrapPolicy, reconcileBootstrapPolicy } from '#apiserver/authz/bootstrap-policy.ts'
import { listen } from '#apiserver/http/listen.ts'
import { requestMetrics } from '#apiserver/publish/metrics.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { measuredStore } from '#apiserver/publish/store-instruments.ts'
import { certificateSigningRequestHook } from '#apiserver/registry/hooks/certificate-signing-request.ts'
import { serviceHook } from '#apiserver/registry/hooks/service.ts'
import { type ApiServer, createApiServer } from '#apiserver/server.ts'
import type { Client } from '#client/client.ts'
import { createClient } from '#client/typed-client.ts'
import { configuredAdmission } from '#cluster/admission-config.ts'
import { readApiserverFlags } from '#cluster/apiserver-flags.ts'
import { apiserverSettings } from '#cluster/apiserver-settings.ts'
import { ensurePki, type Pki } from '#cluster/pki.ts'
import { issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock as clock } from '#lib/clock.ts'
import { systemRandom as random } from '#lib/random.ts'
import { openMemoryStore } from '#store/memory.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import { createPolicies } from './bench-policies.ts'
import type { Target } from './load-client.ts'

export interface BenchServer extends AsyncDisposable {
  readonly server: ApiServer
  /** In this process, as `system:masters`. */
  readonly client: Client
  /** The way in for `alice`, who may do everything with the kinds under test by a role. */
  readonly target: Target
  readonly pki: Pki
}

const user = 'alice'

/** All that are off by default but those that refuse what the benches write or want a server to ask. */
const optional = [
  'AlwaysAdmit',
  'NamespaceAutoProvision',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'AlwaysPullImages',
  'PodNodeSelector',
  'PodTolerationRestriction',
  'ExtendedResourceToleration',
  'OwnerReferencesPermissionEnforcement',
  'DenyServiceExternalIPs',
]

interface BenchServerOptions {
  /** On disk instead of in memory. */
  readonly durable?: boolean
  /** With the optional admission plugins and twenty policies. */
  readonly strict?: boolean
}

export async function benchServer({ durable = false, strict = false }: BenchServerOptions = {}): Promise<BenchServer> {
  const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
  const pki = await ensurePki(join(directory, 'pki'))
  const raw = durable ? await openSqliteStore({ path: join(directory, 'store.db'), clock }) : openMemoryStore({ clock })
  const onError = (error: unknown) => console.error(error)
  const metrics = requestMetrics(clock)
  const stop = new AbortController()
  const log = { info: () => {}, error: (_: string, error: unknown) => onError(error) }
  const settings = await apiserverSettings(readApiserverFlags(undefined), {
    ...{ clock, random, log, signal: stop.signal, pki, config: { clusterDomain: 'cluster.local' } },
  })
  const { tokens, instruments } = settings
  const store = measuredStore(raw, { instruments, clock, kinds })
  const publishing = { kinds: () => kinds, gitVersion: 'v1.36.0', platform: 'linux/amd64', checks: [] }
  const server = await createApiServer({
    ...{ store, clock, random, createClient, tokens, ...settings.options },
    admission: settings.measured(await configuredAdmission(strict ? { enable: optional } : { disable: ['ServiceAccount'] })),
    hooks: [certificateSigningRequestHook, serviceHook()],
    publish: publishStages({ ...publishing, tokens, metrics, instruments }),
    onError,
  })
  const client = createClient(server.transportAs({ name: 'admin', groups: ['system:masters'] }))
  for (const name of ['default', 'kube-system', 'kube-public']) await client.create(Namespace, { metadata: { name } })
  await client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } })
  await reconcileBootstrapPolicy(client, bootstrapPolicy())
  await grant(client)
  if (strict) await createPolicies(client)
  const { key, certificate } = pki.apiserver
  const listening = await listen(server, {
    ...{ host: '127.0.0.1', port: 0, key, certificate, clientCa: pki.ca.certificate, clock, random, metrics },
    onError,
  })
  const own = await issueCertificate(
    pki.ca,
    { commonName: user, organizations: ['people'], usages: ['client'] },
    { now: clock.now(), days: 1 },
  )
  return {
    ...{ server, client, pki },
    target: { port: listening.port, ca: pki.ca.certificate, cert: own.certificate, key: own.key },
    async [Symbol.asyncDispose]() {
      await listening.close()
      stop.abort()
      await server.close()
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function grant(client: Client): Promise<void> {
  const rules = [{ apiGroups: ['', 'apps'], resources: ['pods', 'configmaps', 'deployments'], verbs: ['*'] }]
  await client.create(ClusterRole, { metadata: { name: 'bench' }, rules })
  await client.create(ClusterRoleBinding, {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'bench' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
}
