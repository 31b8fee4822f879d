/** A cluster of simulated nodes alone, for a user who is not root: real processes, nothing left behind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { administrator } from '#cluster/administrator.ts'
import { dataDirectory } from '#cluster/data-directory.ts'
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { type OpenPrograms, openPrograms } from '#testing/any-user.ts'
import { freePort } from '#testing/free-port.ts'
import { deployment, pod } from '#testing/make.ts'

const nobody = 65_534
const isRoot = process.getuid?.() === 0

test('up --simulate-nodes needs no root; nodes come and go while the cluster runs; nothing outlives down', async () => {
  const home = mkdtempSync(join(tmpdir(), 'nami-simulated-'))
  if (isRoot) chownSync(home, nobody, nobody)
  const path = join(home, 'data')
  const env = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home }
  const folder = mkdtempSync(join(tmpdir(), 'nami-programs-'))
  chmodSync(folder, 0o755)
  const programs = openPrograms(folder)
  const nami = (...words: string[]) => run(programs, [...words, '--data-dir', path], env)
  try {
    const up = await nami('up', '--port', String(await freePort()), '--simulate-nodes', '50')
    assert.match(up, /50 simulated nodes are there\./)
    // As the other user's processes see it.
    const client = await administrator({ ...dataDirectory(path), kubeconfig: join(path, 'kubeconfig') })
    assert.ok(client)
    await client.create(Deployment, deployment('web', { spec: { replicas: 200 } }))
    await until(async () => {
      const { items } = await client.list(Pod, { namespace: 'default' })
      return items.filter(({ status }) => status.phase === 'Running' && status.podIP).length === 200
    })
    await scheduleAlone(client, { path, home, env, programs })
    assert.match(await nami('simulate', 'add', '10', '--name', 'big', '--cpu', '64'), /60 simulated nodes are there\./)
    assert.match(await nami('simulate', 'list'), /^big +10 x big\nsimulated +50 x simulated\n$/)
    const big = await client.get(Node, { name: 'big-9' })
    assert.equal(big.status.allocatable?.cpu, '64')
    assert.match(await nami('simulate', 'remove', 'simulated'), /10 simulated nodes are left\./)
    const { items } = await client.list(Node)
    assert.deepEqual(new Set(items.map(({ metadata }) => metadata.name.split('-')[0])), new Set(['big']))
    await client.close()
  } finally {
    await nami('down')
    const log = join(path, 'logs/simulator.log')
    assert.doesNotMatch(existsSync(log) ? readFileSync(log, 'utf8') : '', /"level":50/)
    await until(async () => (await processesOf(home)) === '')
    rmSync(home, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  }
})

/** `nami scheduler` beside the cluster's own, for pods that ask for its profile. */
async function scheduleAlone(
  client: Client,
  { path, home, env, programs }: { path: string; home: string; env: NodeJS.ProcessEnv; programs: OpenPrograms },
) {
  const config = join(home, 'profiles.yaml')
  const profile = 'profiles: [{ schedulerName: packed, plugins: { multiPoint: { disabled: [{ name: ImageLocality }] } } }]\n'
  writeFileSync(config, `apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n${profile}`)
  const port = await freePort()
  const words = ['scheduler', '--kubeconfig', join(path, 'kubeconfig'), '--config', config, '--secure-port', String(port)]
  const stop = new AbortController()
  const running = run(programs, words, env, stop.signal).catch((error) => (stop.signal.aborted ? '' : Promise.reject(error)))
  const spec = { schedulerName: 'packed' }
  await client.create(Pod, pod('apart', { spec: spec as never }))
  await until(async () => {
    const { status } = await client.get(Pod, { name: 'apart', namespace: 'default' })
    return status.phase === 'Running'
  })
  const lease = await client.get(Lease, { name: 'kube-scheduler', namespace: 'kube-system' })
  assert.ok(lease.spec.holderIdentity)
  const events = await client.list(Event, { namespace: 'default', fieldSelector: 'involvedObject.name=apart' })
  assert.ok(events.items.some(({ source, reportingComponent }) => (source?.component ?? reportingComponent) === 'packed'))
  stop.abort()
  await running
}

async function run(
  programs: OpenPrograms,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const identity = isRoot ? { uid: nobody, gid: nobody } : {}
  const child = execFile(
    programs.node,
    [programs.nami, ...words],
    { env, timeout: 120_000, signal, ...identity },
    (error, stdout, stderr) =>
      error
        ? reject(new Error(`nami ${words.join(' ')}: ${error.message}\n${stdout}${stderr}`, { cause: error }))
        : resolve(stdout),
  )
  child.stdin?.end()
  return await promise
}

/** Whoever names the folder in its command line. */
function processesOf(home: string): Promise<string> {
  return new Promise((resolve) => {
    execFile('pgrep', ['-f', home], (_error, stdout) => resolve(stdout.trim()))
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  while (!(await holds())) await waitReferenced(systemClock, 100, signal)
}
