/**
 * API aggregation (`kube-aggregator`): versions of groups that extension servers serve. Requests for them are handed on to their service
 * with the caller's identity in headers, which the extension server believes because of the front proxy's certificate.
 */
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import type { Registry } from '../registry/registry.ts'
import type { Stage } from '../request.ts'
import { watchAvailability } from './availability.ts'
import type { FrontProxy } from './extension-call.ts'
import { registerLocal } from './local-services.ts'
import { proxyTo } from './proxy.ts'
import type { RemoteResources } from './remote-discovery.ts'
import type { RemoteDocuments } from './remote-openapi.ts'

export interface AggregationOptions {
  /** Absent: extension servers see no certificate of ours. */
  readonly frontProxy?: FrontProxy | undefined
}

/** One version that an extension server serves, as discovery shows it. */
export interface RemoteVersion {
  readonly group: string
  readonly version: string
  readonly groupPriority: number
  readonly versionPriority: number
  /** Undefined while the server has not said what it has. */
  readonly resources: RemoteResources | undefined
  /** Undefined while it has shown none. */
  readonly documents: RemoteDocuments | undefined
}

export interface Aggregator {
  /** Answers what an extension server serves. */
  readonly stage: Stage
  /** In order of priority. */
  remotes(): readonly RemoteVersion[]
  start(signal: AbortSignal): void
}

export function aggregator(registry: () => Registry, { frontProxy }: AggregationOptions): Aggregator {
  const discovered = new Map<string, RemoteResources>()
  const documents = new Map<string, RemoteDocuments>()
  const remoteServices = () =>
    registry()
      .lister.list(APIService)
      .filter(({ spec }) => spec.service)
  return {
    stage: (request, next) => {
      const [, root, first = '', second = ''] = request.path.split('/')
      if (root !== 'apis' || second === '') return documentOf(request.path) ? withDocuments(request, next) : next(request)
      const service = registry().lister.get(APIService, `${second}.${first}`)
      return service?.spec.service ? proxyTo(registry(), request, { service, frontProxy }) : next(request)
    },
    remotes: () =>
      remoteServices()
        .map(({ metadata, spec }) => ({
          group: spec.group ?? '',
          version: spec.version ?? '',
          groupPriority: spec.groupPriorityMinimum,
          versionPriority: spec.versionPriority,
          resources: discovered.get(metadata.name),
          documents: documents.get(metadata.name),
        }))
        .sort(
          (a, b) =>
            b.groupPriority - a.groupPriority ||
            (a.group < b.group ? -1 : a.group > b.group ? 1 : b.versionPriority - a.versionPriority),
        ),
    start(signal) {
      registerLocal(registry(), signal)
      watchAvailability(registry(), { frontProxy, discovered, documents, signal })
    },
  }

  /** The OpenAPI document of a remote version is that of its server. */
  function withDocuments(...[request, next]: Parameters<Stage>): ReturnType<Stage> {
    const [group = '', version = ''] = documentOf(request.path) ?? []
    const service = registry().lister.get(APIService, `${version}.${group}`)
    return service?.spec.service ? proxyTo(registry(), request, { service, frontProxy }) : next(request)
  }
}

function documentOf(path: string): [string, string] | undefined {
  const [, group, version] = /^\/openapi\/v3\/apis\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  return group && version ? [group, version] : undefined
}
