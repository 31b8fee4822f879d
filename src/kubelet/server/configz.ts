/** `/configz`: the agent's settings under the names of upstream's KubeletConfiguration; what this agent does not know is not told. */
export interface AgentSettings {
  readonly port: number
  readonly clusterDomain: string
  readonly clusterDns: readonly string[]
  readonly staticPodPath: string
  readonly containerRuntimeEndpoint: string
}

export function configz({ port, clusterDomain, clusterDns, staticPodPath, containerRuntimeEndpoint }: AgentSettings): object {
  const kubeletconfig = {
    enableServer: true,
    staticPodPath,
    syncFrequency: '1m0s',
    fileCheckFrequency: '20s',
    httpCheckFrequency: '20s',
    address: '0.0.0.0',
    port,
    authentication: {
      x509: {},
      webhook: { enabled: true, cacheTTL: '2m0s' },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    enableDebuggingHandlers: true,
    clusterDomain,
    clusterDNS: clusterDns,
    streamingConnectionIdleTimeout: '4h0m0s',
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    imageMinimumGCAge: '2m0s',
    imageMaximumGCAge: '0s',
    imageGCHighThresholdPercent: 85,
    imageGCLowThresholdPercent: 80,
    volumeStatsAggPeriod: '1m0s',
    cgroupsPerQOS: true,
    runtimeRequestTimeout: '2m0s',
    maxPods: 110,
    podPidsLimit: -1,
    resolvConf: '/etc/resolv.conf',
    cpuCFSQuota: true,
    cpuCFSQuotaPeriod: '100ms',
    enableControllerAttachDetach: true,
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 5,
    evictionHard: {
      'imagefs.available': '15%',
      'memory.available': '100Mi',
      'nodefs.available': '10%',
      'nodefs.inodesFree': '5%',
    },
    evictionPressureTransitionPeriod: '5m0s',
    enforceNodeAllocatable: ['pods'],
    enableSystemLogHandler: true,
    enableSystemLogQuery: false,
    registerNode: true,
    localStorageCapacityIsolation: true,
    containerRuntimeEndpoint,
  }
  return { kubeletconfig }
}
