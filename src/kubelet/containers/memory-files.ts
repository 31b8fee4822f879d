/** Volumes and files of pods that stand nowhere: for simulated nodes and for tests of the pod's life. */
import type { PodVolumes } from '../volumes/pod-volumes.ts'
import { usedVolumes } from '../volumes/pod-volumes.ts'
import type { PodFiles } from './pod-files.ts'

export interface MemoryFiles extends PodFiles {
  /** `<uid>/<container>/<attempt>` -> what the container wrote before it ended. */
  readonly terminationLogs: Map<string, string>
  readonly logs: Map<string, string>
}

export function memoryFiles(): MemoryFiles {
  const terminationLogs = new Map<string, string>()
  const logs = new Map<string, string>()
  return {
    terminationLogs,
    logs,
    prepare: async () => {},
    idRange: async () => ({ hostId: 65_536, length: 65_536 }),
    writeHosts: async (pod) => `/memory/${pod.metadata.uid}/etc-hosts`,
    makeTerminationLog: async (uid, container, attempt) => `/memory/${uid}/${container}/${attempt}`,
    readTerminationLog: async (uid, container, { attempt, bytes }) =>
      (terminationLogs.get(`${uid}/${container}/${attempt}`) ?? '').slice(-bytes),
    tailLog: async (pod, container, { attempt, bytes }) =>
      (logs.get(`${pod.metadata.uid}/${container}/${attempt}`) ?? '').slice(-bytes),
    removeLogs: async () => {},
    logDirectories: async () => [],
  }
}

export interface MemoryVolumes extends PodVolumes {
  /** Volume name -> why it cannot be set up, while it stands here. */
  readonly failures: Map<string, string>
  readonly pods: Set<string>
}

export function memoryVolumes(): MemoryVolumes {
  const failures = new Map<string, string>()
  const pods = new Set<string>()
  return {
    failures,
    pods,
    async setUp(pod) {
      pods.add(pod.metadata.uid)
      const failed = usedVolumes(pod).filter(({ name }) => failures.has(name))
      return failed.map(({ name }) => ({
        volume: name,
        message: `MountVolume.SetUp failed for volume "${name}" : ${failures.get(name)}`,
      }))
    },
    isReady: (pod) => !usedVolumes(pod).some(({ name }) => failures.has(name)),
    mountsOf: async (pod, container) =>
      (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => ({
        containerPath: mountPath,
        hostPath: `/memory/${pod.metadata.uid}/volumes/${name}`,
        readonly: readOnly,
        propagation: 'private',
      })),
    mountImage: async () => {},
    readFile: async () => undefined,
    devicesOf: () => [],
    usageOf: async () => [],
    renewAt: () => undefined,
    release: async () => {},
    tearDown: async (uid) => void pods.delete(uid),
    podsOnDisk: async () => [...pods],
  }
}
