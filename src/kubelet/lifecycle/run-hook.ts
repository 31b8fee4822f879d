/** Runs a postStart or preStop hook: exec, httpGet, sleep (upstream: `pkg/kubelet/lifecycle/handlers.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { LifecycleHandler } from '#api/core/v1/probe.ts'
import { sleep } from '#lib/clock.ts'
import { type Container, podText } from '../containers/pod-names.ts'
import { plainAnswer } from '../probes/dialer.ts'
import { httpHeaders, httpUrl, type ProbeMeans } from '../probes/run-probe.ts'
import type { PodMeans } from './pod-means.ts'

export interface HookTarget {
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly podIp: string
  readonly signal: AbortSignal
}

export type HookMeans = ProbeMeans & Pick<PodMeans, 'record'>

/** Rejects with the text that ends up in the FailedPostStartHook or FailedPreStopHook event. */
export async function runHook(handler: LifecycleHandler, target: HookTarget, means: HookMeans): Promise<void> {
  if (handler.exec) return await exec(handler.exec.command ?? [], target, means)
  if (handler.httpGet) return await httpGet(handler.httpGet, target, means)
  if (handler.sleep) return await sleep(means.clock, handler.sleep.seconds * 1000, target.signal)
  throw new Error('invalid handler: no handler is specified')
}

async function exec(command: readonly string[], target: HookTarget, { runtime }: ProbeMeans): Promise<void> {
  const { stdout, stderr, exitCode } = await runtime.execSync(target.containerId, command, 0)
  if (exitCode === 0) return
  const output = Buffer.concat([stdout, stderr]).toString('utf8')
  const words = `[${command.join(' ')}]`
  throw new Error(
    `Exec lifecycle hook (${words}) for Container "${target.container.name}" in Pod "${podText(target.pod)}" failed - error: command '${command.join(' ')}' exited with ${exitCode}: ${output}, message: ${JSON.stringify(output)}`,
  )
}

/** Whatever the answer says, it is one. HTTPS that meets plain HTTP is content with it, as before 1.23. */
async function httpGet(
  action: NonNullable<LifecycleHandler['httpGet']>,
  { pod, container, podIp, signal }: HookTarget,
  { dialer, record }: HookMeans,
): Promise<void> {
  const url = httpUrl(action, container, podIp)
  const headers = [['User-Agent', 'kube-lifecycle/1.36'] as const, ...httpHeaders(action)]
  try {
    await dialer.http({ url, headers, signal })
  } catch (error) {
    const failed = new Error(`Get "${url.href}": ${(error as Error).message}`, { cause: error })
    if ((error as Error).message !== plainAnswer) throw failed
    const plain = new URL(url.href.replace(/^https:/, 'http:'))
    const without = headers.filter(([name]) => name.toLowerCase() !== 'authorization')
    await dialer.http({ url: plain, headers: without, signal }).catch(() => {
      throw failed
    })
    const message = `request to HTTPS lifecycle hook ${url.host} got HTTP response, retry with HTTP succeeded`
    record(pod, { type: 'Warning', reason: 'LifecycleHTTPFallback', message })
  }
}
