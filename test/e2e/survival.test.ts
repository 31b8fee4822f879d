import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataDirectory } from '#cluster/data-directory.ts'
import { findProcess, type ProcessName } from '#cluster/processes.ts'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { reboot } from '#testing/bed-reboot.ts'
import { realClients } from '#testing/real-clients.ts'
import { type Space, spaceOf } from './space.ts'

const clients = realClients()
const probe = fileURLToPath(new URL('./probe', import.meta.url))

/** One after the other, on one cluster that has to come through all of it. */
describe('a cluster survives', { skip: noBed() || clients.missing, timeout: 300_000 }, () => {
  let bed: Bed
  let space: Space
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, up: [probe] })
    const image = (await bed.kubectl('get', 'deployment', 'probe', '-o', 'jsonpath={..image}')).stdout
    space = spaceOf(bed, { name: 'default', image })
  })
  after(() => bed?.[Symbol.asyncDispose]())

  const pid = (name: ProcessName) => findProcess(dataDirectory(bed.dataDir), name)
  /** Names, container ids and restarts of all pods. */
  const containers = () => space.path('pods', '{range .items[*]}{.metadata.name} {..containerID} {..restartCount};{end}')
  const url = async () => `http://127.0.0.1:${await space.path('service probe', '{.spec.ports[0].nodePort}')}/`

  async function killed(name: ProcessName): Promise<void> {
    const before = pid(name)
    assert.ok(before, `${name} runs`)
    process.kill(before, 'SIGKILL')
    await eventually(() => assert.ok(pid(name) && pid(name) !== before))
  }

  test('up again: it says that nothing is to be changed, and changes nothing', async () => {
    const [before, server] = [await containers(), pid('server')]
    const again = await bed.nami('up', probe)
    assert.match(again.stdout, /^Cluster nami is running; nothing to change \([\d.]+ s\)\.$/m)
    assert.equal(await containers(), before)
    assert.equal(pid('server'), server)
  })

  test('the agent killed: containers go on and are taken over, and a change reaches them', async () => {
    const before = await containers()
    await killed('agent')
    assert.match(await bed.get(await url()), /"pod":"probe-/)
    await space.kubectl('scale', 'deployment/probe', '--replicas=4')
    await space.kubectl('rollout', 'status', 'deployment/probe', '--timeout=60s')
    const later = (await containers()).split(';')
    for (const line of before.split(';')) assert.ok(later.includes(line), `${line} is not among ${later}`)
    await space.kubectl('scale', 'deployment/probe', '--replicas=3')
    await space.kubectl('rollout', 'status', 'deployment/probe', '--timeout=60s')
  })

  test('the server killed: what was written is there, watches go on, controllers work', async () => {
    const before = await containers()
    await space.kubectl('create', 'configmap', 'written')
    await killed('server')
    await eventually(async () => assert.match(await space.kubectl('get', 'configmap', 'written'), /written/))
    assert.match(await bed.get(await url()), /"pod":"probe-/)
    await space.kubectl('scale', 'deployment/probe', '--replicas=2')
    await eventually(async () => assert.equal((await space.get('pods')).items.length, 2), { timeout: 60_000 })
    for (const line of (await containers()).split(';')) assert.ok(before.includes(line))
    await space.kubectl('scale', 'deployment/probe', '--replicas=3')
    await space.kubectl('rollout', 'status', 'deployment/probe', '--timeout=60s')
    assert.match((await bed.nami('status')).stdout, /server\s+running[\s\S]*agent\s+running[\s\S]*: Ready/i)
  })

  test('containerd killed: containers go on', async () => {
    const before = await containers()
    const file = join(dataDirectory(bed.dataDir).containerd.state, 'containerd.pid')
    const daemon = Number(readFileSync(file, 'utf8'))
    process.kill(daemon, 'SIGKILL')
    assert.match(await bed.get(await url()), /"pod":"probe-/)
    await eventually(() => assert.notEqual(Number(readFileSync(file, 'utf8')), daemon), { timeout: 60_000 })
    await eventually(async () => assert.match((await space.tries('exec', 'deploy/probe', '--', 'echo', 'here')).stdout, /here/), {
      timeout: 60_000,
    })
    assert.equal(await containers(), before)
    await space.kubectl('rollout', 'restart', 'deployment/probe')
    await space.kubectl('rollout', 'status', 'deployment/probe', '--timeout=90s')
  })

  test('down stops everything and keeps it; up brings the application back', async () => {
    const stopped = await bed.nami('down')
    assert.equal(stopped.stdout, 'Stopped. "nami up" starts it again.\n', stopped.stderr)
    assert.equal(pid('server') ?? pid('agent') ?? pid('supervisor'), undefined)
    assert.equal((await bed.nami('status')).code, 1)
    const back = await bed.nami('up')
    assert.match(back.stdout, /^Cluster ready in [\d.]+ s\.$/m, back.stderr)
    await eventually(async () => assert.match(await bed.get(await url()), /"pod":"probe-/), { timeout: 60_000 })
    await space.kubectl('rollout', 'status', 'deployment/probe', '--timeout=90s')
    await eventually(async () => assert.deepEqual(await phases(), ['Running', 'Running', 'Running']), { timeout: 60_000 })
    assert.match(await space.kubectl('get', 'configmap', 'written'), /written/)
  })

  test('a reboot: nothing is left but the data directory, and up brings the application back by itself', async () => {
    const before = await url()
    await space.kubectl('create', 'configmap', 'before-the-reboot')
    await reboot(bed)
    assert.equal(pid('server') ?? pid('agent') ?? pid('supervisor'), undefined)
    await assert.rejects(bed.get(before))
    const back = await bed.nami('up')
    assert.match(back.stdout, /^Cluster ready in [\d.]+ s\.$/m, back.stderr)
    await eventually(async () => assert.match(await bed.get(before), /"pod":"probe-/), { timeout: 60_000 })
    await eventually(async () => assert.deepEqual(await phases(), ['Running', 'Running', 'Running']), { timeout: 60_000 })
    assert.match(await space.kubectl('get', 'configmap', 'before-the-reboot'), /before-the-reboot/)
    assert.match(await space.kubectl('get', 'pods', '-l', 'app=probe'), /probe-/)
  })

  async function phases(): Promise<string[]> {
    return (await space.path('pods', '{.items[*].status.phase}')).split(' ')
  }

  test('down --delete leaves nothing, twice', async () => {
    const deleted = await bed.nami('down', '--delete')
    assert.equal(deleted.stdout, 'Deleted.\n', deleted.stderr)
    assert.equal(existsSync(bed.dataDir), false)
    const again = await bed.nami('down', '--delete')
    assert.equal(again.stdout, 'No cluster was running.\n', again.stderr)
    assert.deepEqual(readdirSync(bed.directory), ['home'])
  })
})
