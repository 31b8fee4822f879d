/** What upstream's conformance suite asks of volumes (`test/e2e/common/storage`), as far as no other test here has it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { becomes, openSpace, ready, type Space, shellPod } from './space.ts'

const clients = realClients()
const probe = fileURLToPath(new URL('./probe', import.meta.url))
const soon = { timeout: 90_000, every: 500 }
const idle = 'trap "exit 0" TERM; while :; do sleep 0.2; done'

interface Case {
  readonly it: string
  readonly volume: object
  /** Mode, owner and group of the files, or of the folder where it is empty. */
  readonly want: readonly string[]
  readonly as?: object
}

const root = { runAsUser: 0 }
const member = { runAsUser: 1000, fsGroup: 1001 }
const projected = (source: object) => ({ projected: { defaultMode: 0o440, sources: [source] } })
const downward = { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' }, mode: 0o400 }] }
const cases: readonly Case[] = [
  { it: 'map', volume: { configMap: { name: 'm', defaultMode: 0o400 } }, as: root, want: ['-r-------- 0 0'] },
  { it: 'map-user', volume: { configMap: { name: 'm' } }, want: ['-rw-r--r-- 0 0'] },
  {
    it: 'map-item',
    volume: { configMap: { name: 'm', items: [{ key: 'a', path: 'b', mode: 0o400 }] } },
    as: root,
    want: ['-r-------- 0 0'],
  },
  { it: 'secret', volume: { secret: { secretName: 's', defaultMode: 0o440 } }, as: member, want: ['-r--r----- 0 1001'] },
  { it: 'projected', volume: projected({ secret: { name: 's' } }), as: member, want: ['-r--r----- 0 1001'] },
  { it: 'token', volume: projected({ serviceAccountToken: { path: 't' } }), as: member, want: ['-rw-r----- 1000 1001'] },
  { it: 'downward', volume: { downwardAPI: { ...downward, defaultMode: 0o444 } }, as: root, want: ['-r-------- 0 0'] },
  { it: 'empty', volume: { emptyDir: {} }, want: ['drwxrwxrwx 0 0'] },
  { it: 'memory', volume: { emptyDir: { medium: 'Memory' } }, want: ['drwxrwxrwx 0 0'] },
  { it: 'memory-group', volume: { emptyDir: { medium: 'Memory' } }, as: member, want: ['drwxrwsrwx 0 1001'] },
]

describe('volumes, by the conformance suite', { skip: noBed() || clients.missing, concurrency: 3, timeout: 600_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, up: [probe] })
  })
  after(async () => {
    if (process.env.NAMI_DEBUG) console.log(bed?.errors())
    await bed?.[Symbol.asyncDispose]()
  })

  test('modes and owners of what volumes hold', async () => {
    const space = await openSpace(bed, 'modes')
    await space.kubectl('create', 'configmap', 'm', '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 's', '--from-literal=a=1')
    const script = 'if [ "$(ls /v)" ]; then ls -lLn /v/*; else ls -ldn /v; fi'
    await space.apply(
      ...cases.map(({ it, volume, as = { runAsUser: 1000 } }) => {
        const container = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
        const spec = { restartPolicy: 'Never', securityContext: as, volumes: [{ name: 'v', ...volume }] }
        return shellPod(it, space, script, { container, spec })
      }),
    )
    for (const { it, want } of cases) {
      await becomes(space, `pod ${it}`, ['{.status.phase}', 'Succeeded'])
      const lines = (await space.kubectl('logs', it)).trim().split('\n')
      const found = lines.map((line) => line.split(/\s+/)).map(([mode, , user, group]) => `${mode} ${user} ${group}`)
      assert.deepEqual(found, want, it)
    }
  })

  test('optional sources that come, change and go while a pod runs', async () => {
    const space = await openSpace(bed, 'optional')
    for (const name of ['goes', 'changes']) await space.kubectl('create', 'configmap', name, '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 'goes-too', '--from-literal=a=1')
    const optional = true
    const volumes = [
      ...['goes', 'changes', 'comes'].map((name) => ({ name, configMap: { name, optional } })),
      { name: 'comes-too', secret: { secretName: 'comes-too', optional } },
      { name: 'goes-too', projected: { sources: [{ secret: { name: 'goes-too', optional } }] } },
      { name: 'labels', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ]
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }))
    await space.apply(shellPod('p', space, idle, { container: { volumeMounts }, spec: { volumes } }))
    await ready(space, 'p')
    const binaryData = { b: Buffer.from([0xde, 0xca, 0xfe, 0xff]).toString('base64') }
    await space.kubectl('delete', 'configmap/goes', 'secret/goes-too')
    await space.kubectl('patch', 'configmap', 'changes', '-p', JSON.stringify({ data: { a: null, c: '3' }, binaryData }))
    await space.kubectl('create', 'configmap', 'comes', '--from-literal=a=1')
    await space.kubectl('create', 'secret', 'generic', 'comes-too', '--from-literal=a=1')
    await space.kubectl('label', 'pod', 'p', 'more=yes')
    const all = 'cd /v; for f in */*; do [ -f $f ] && echo $f $(xxd -p $f | head -c 8); done; true'
    const want = ['changes/b decafeff', 'changes/c 33', 'comes-too/a 31', 'comes/a 31', 'labels/a 6170703d']
    await eventually(async () => {
      const lines = (await inPod(space, all)).trim().split('\n').toSorted()
      assert.deepEqual(lines, want)
    }, soon)
    await eventually(async () => assert.match(await inPod(space, 'cat /v/labels/a'), /more="yes"/), soon)
  })

  test('a single file or folder of a volume that is swapped as a whole', async () => {
    const space = await openSpace(bed, 'parts')
    await space.kubectl('create', 'configmap', 'm', '--from-literal=a=one')
    await space.kubectl('create', 'secret', 'generic', 's', '--from-literal=a=two')
    const volumes = [
      { name: 'm', configMap: { name: 'm' } },
      { name: 's', secret: { secretName: 's' } },
      { name: 'd', downwardAPI: { items: [{ path: 'in/name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ]
    const volumeMounts = [
      { name: 'm', mountPath: '/one', subPath: 'a' },
      { name: 's', mountPath: '/etc/passwd', subPath: 'a' },
      { name: 'd', mountPath: '/three', subPath: 'in' },
    ]
    await space.apply(shellPod('p', space, idle, { container: { volumeMounts }, spec: { volumes } }))
    await ready(space, 'p')
    assert.equal(await inPod(space, 'cat /one /etc/passwd /three/name'), 'onetwop')
  })
})

async function inPod(space: Space, script: string): Promise<string> {
  return await space.kubectl('exec', 'p', '--', 'sh', '-c', script)
}
