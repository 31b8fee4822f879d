import { clients, onOneCluster } from './one-cluster.ts'
import { builtInKubectl } from './suites/built-in-kubectl.ts'
import { helm } from './suites/helm.ts'
import { looking } from './suites/looking.ts'
import { objects } from './suites/objects.ts'
import { pods } from './suites/pods.ts'
import { probes } from './suites/probes.ts'
import { services } from './suites/services.ts'
import { workloads } from './suites/workloads.ts'

/** All on one cluster, several at a time: each in a namespace of its own. */
onOneCluster('a cluster', { concurrency: 4, timeout: 400_000 }, (open) => {
  for (const suite of [workloads, services, looking, objects, pods, probes, builtInKubectl]) suite(open)
  helm(open, clients.helm)
})
