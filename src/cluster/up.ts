/** `up`: from a bare machine, or from whatever an earlier run left, to a cluster that answers. Each step is idempotent. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { Node } from '#api/core/v1/node.ts'
import type { Clock } from '#lib/clock.ts'
import { type AskServer, serverOf } from './ask-server.ts'
import { type ClusterConfig, type DataDirectory, saveConfig } from './data-directory.ts'
import { announce, findProcess, stopProcess, waitReferenced } from './processes.ts'
import type { Progress } from './progress.ts'
import { findProgram, install, manualInstall, missingRequirements, type Requirement } from './provision.ts'
import { clearProblem, storeProblem } from './store-problem.ts'

export class UpError extends Error {
  readonly next: readonly string[]

  constructor(message: string, next: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.next = next
  }
}

export interface UpOptions {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  /** With which the cluster runs, where it does. */
  readonly before?: ClusterConfig | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly progress: Progress
  readonly note: (line: string) => void
}

/** Installs what a node needs where that can be done; otherwise says what to type. */
export async function provide({ config, progress, note }: UpOptions): Promise<void> {
  if (!config.agent) return
  const isRoot = process.getuid?.() === 0
  const missing: readonly Requirement[] = missingRequirements()
  const manual = manualInstall(missing, { isRoot, hasApt: findProgram('apt-get') !== undefined })
  if (manual) {
    const names = missing.map(({ debian }) => debian).join(', ')
    throw new UpError(`A node needs ${names}; ${manual.why}.`, [...manual.commands, 'or without containers: nami up --no-agent'])
  }
  if (!isRoot)
    throw new UpError('A node needs root, for containers and networks.', [
      'sudo ./nami up',
      'or without containers: nami up --no-agent',
    ])
  if (missing.length === 0) return
  progress.step(`installing ${missing.length} system package${missing.length === 1 ? '' : 's'}`)
  await install(missing, (line) => {
    progress.update(line)
    note(`      ${line}`)
  })
  progress.done()
}

/**
 * Starts the processes unless they run, and waits until the API server answers and the node is ready. Answers whether they ran already,
 * and whether they were started anew since something else was asked of them.
 * Loads next to nothing: until the processes are under way there is nothing to do for anybody, and afterwards they need the processors.
 */
export async function start(options: UpOptions): Promise<{ wasRunning: boolean; wasChanged: boolean }> {
  const { directory, config, before, progress } = options
  const wasRunning = isRunning(directory)
  const wasChanged = wasRunning && before !== undefined && !isDeepStrictEqual(before, config)
  const since = wasRunning ? 0 : options.clock.now()
  if (!wasRunning) {
    await checkPort(config.port, 'the API server', '--port')
    if (config.agent) await checkPort(config.agentPort, 'the node agent', '')
    saveConfig(directory, config)
    progress.step('starting the control plane')
    clearProblem(directory)
    supervise(directory, config)
  } else if (wasChanged) {
    await change(options, before)
  } else {
    progress.step('looking at the running cluster')
  }
  const ask = await untilServing(options)
  if (config.agent) {
    if (!wasRunning) progress.step('starting the node')
    await untilReady(options, { ask, since })
  }
  progress.done()
  return { wasRunning, wasChanged }
}

/** The supervisor starts what ends, which then reads what it is to be. A server that does not come up with that is given back what it had. */
async function change(options: UpOptions, before: ClusterConfig): Promise<void> {
  const { directory, config, clock, progress } = options
  progress.step('starting the control plane anew')
  saveConfig(directory, config)
  await stopProcess(directory, 'server', { clock })
  try {
    await untilServing(options)
  } catch (error) {
    saveConfig(directory, before)
    throw error
  }
  if (before.registryPort !== config.registryPort) await stopProcess(directory, 'agent', { clock })
}

export function isRunning(directory: DataDirectory): boolean {
  return findProcess(directory, 'supervisor') !== undefined
}

/** Leaves the supervisor behind, in a session of its own. */
function supervise(directory: DataDirectory, { agent }: ClusterConfig): void {
  const script = fileURLToPath(new URL('./supervise.sh', import.meta.url))
  const bin = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
  const names = agent ? ['server', 'agent'] : ['server']
  const output = openSync(join(directory.logs, 'supervisor.log'), 'a')
  const child = spawn('/bin/sh', [script, process.execPath, bin, directory.path, directory.run, directory.logs, ...names], {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: '/',
  })
  closeSync(output)
  // Written here as well as by the script, which takes a moment to come to it: who stops the cluster meanwhile has to find it.
  if (child.pid !== undefined) announce(directory, 'supervisor', child.pid)
  child.unref()
}

/** Says who could be in the way before a process fails over it. */
async function checkPort(port: number, what: string, flag: string): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const probe = createServer()
    probe.once('error', resolve)
    probe.listen(port, () => probe.close(() => resolve(undefined)))
  })
  if (error?.code === 'EADDRINUSE') {
    throw new UpError(`Port ${port}, which ${what} wants, is in use by another program.`, [
      `ss -ltnp 'sport = :${port}'    shows which`,
      ...(flag ? [`nami up ${flag} ${port + 1}    takes another`] : []),
    ])
  }
  if (error) throw new UpError(`Port ${port} cannot be used: ${error.message}`, [], { cause: error })
}

const startLimit = 60_000
/** A process that ended so often will not come up by waiting. */
const mostEndings = 3

async function untilServing({ directory, clock, signal, progress }: UpOptions): Promise<AskServer> {
  const deadline = clock.monotonic() + startLimit
  const endings = endingsSince(directory, 'server')
  for (;;) {
    const ask = serverOf(directory)
    if (ask && (await answers(ask))) return ask
    const problem = storeProblem(directory)
    if (problem) throw new UpError(problem.message, problem.next)
    if (endings() >= mostEndings) throw notStarted(directory, 'server', 'The API server ends again and again')
    if (clock.monotonic() > deadline) throw notStarted(directory, 'server', 'The API server does not answer after a minute')
    progress.update('waiting for the API server')
    await waitReferenced(clock, 25, signal)
  }
}

/** The first objects are made before the server listens: when it lists nodes it is ready. */
function answers(ask: AskServer): Promise<boolean> {
  return ask('/api/v1/nodes?limit=1').then(
    () => true,
    () => false,
  )
}

/** How often the supervisor has started a process anew since this call. */
function endingsSince(directory: DataDirectory, name: 'server' | 'agent'): () => number {
  const file = join(directory.logs, `${name}.log`)
  const from = existsSync(file) ? statSync(file).size : 0
  return () => {
    if (!existsSync(file)) return 0
    return readFileSync(file).subarray(from).toString().split(`supervisor: ${name} ended`).length - 1
  }
}

/** Ready, and said so by the agent that runs now: the store remembers what an earlier one said. */
async function untilReady(
  { directory, config, clock, signal, progress }: UpOptions,
  { ask, since }: { ask: AskServer; since: number },
): Promise<void> {
  const deadline = clock.monotonic() + startLimit
  const endings = endingsSince(directory, 'agent')
  for (;;) {
    const node = await ask<Node>(`/api/v1/nodes/${config.nodeName}`).catch(() => undefined)
    const condition = node?.status.conditions?.find(({ type }) => type === 'Ready')
    const isFresh = Date.parse(condition?.lastHeartbeatTime ?? '') >= Math.floor(since / 1000) * 1000
    if (condition?.status === 'True' && isFresh) return
    const detail = isFresh && condition?.message ? `: ${condition.message}` : ''
    if (endings() >= mostEndings) throw notStarted(directory, 'agent', 'The node agent ends again and again')
    if (clock.monotonic() > deadline)
      throw notStarted(directory, 'agent', `Node ${config.nodeName} is not ready after a minute${detail}`)
    progress.update(detail || 'waiting for the node')
    await waitReferenced(clock, 25, signal)
  }
}

function notStarted(directory: DataDirectory, name: 'server' | 'agent', what: string): UpError {
  const file = join(directory.logs, `${name}.log`)
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5) : []
  return new UpError(`${what}.`, [...lines, `The whole log: ${file}`, 'nami doctor'])
}
