/** A container's last words: the file it wrote, or the end of its log (upstream: `getTerminationMessage`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { annotationNames } from '../containers/annotations.ts'
import type { PodFiles } from '../containers/pod-files.ts'
import type { RuntimeContainer } from '../containers/runtime-pod.ts'

const fileBytes = 4096
const logLines = 80
const logBytes = 2048

export async function terminationMessage(pod: Pod, run: RuntimeContainer, files: PodFiles): Promise<string> {
  const path = run.annotations[annotationNames.terminationMessagePath]
  const attempt = run.restartCount
  const written = path ? await files.readTerminationLog(pod.metadata.uid, run.name, { attempt, bytes: fileBytes }) : ''
  if (written) return written
  const policy = run.annotations[annotationNames.terminationMessagePolicy]
  const failed = run.exitCode !== 0 || run.reason === 'ContainerCannotRun'
  if (policy !== 'FallbackToLogsOnError' || !failed) return ''
  return await files.tailLog(pod, run.name, { attempt, lines: logLines, bytes: logBytes })
}
