import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()

/** Faults planted into a real cluster, one at a time: each is found by what the machine itself says, and gone when it is mended. */
describe('nami doctor on a cluster', { skip: noBed() || clients.missing, timeout: 200_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl })
  })
  after(() => bed?.[Symbol.asyncDispose]())

  /** Names of the checks that found something. */
  async function found(): Promise<string[]> {
    const { code, stdout, stderr } = await bed.nami('doctor', '--json')
    const { ok, checks } = JSON.parse(stdout || '{}') as { ok: boolean; checks: { name: string; status: string }[] }
    assert.equal(code, ok ? 0 : 1, stderr)
    return checks.filter(({ status }) => status === 'problem').map(({ name }) => name)
  }

  async function inside([program = '', ...args]: readonly string[]): Promise<void> {
    const { code, stderr } = await bed.run(program, args)
    assert.equal(code, 0, stderr)
  }

  /** What this machine itself is short of, whatever a test plants. */
  let own: readonly string[] = []

  test('nothing about the cluster is wrong', async () => {
    await eventually(async () => {
      own = await found()
      const ofTheCluster = [
        'API',
        'nodes',
        'processes',
        'certificates',
        'service rules',
        'DNS',
        'firewall',
        'ports',
        'kubeconfig',
        'clock',
      ]
      assert.deepEqual(
        own.filter((name) => ofTheCluster.includes(name)),
        [],
      )
    })
  })

  const planted = [
    {
      it: 'a chain of others that drops what is forwarded',
      check: 'firewall',
      plant: ['nft', 'add table inet other; add chain inet other passing { type filter hook forward priority 0; policy drop; }'],
      mend: ['nft', 'delete table inet other'],
    },
    {
      it: 'a rule of others that drops what pods send to the node',
      check: 'firewall',
      plant: [
        'nft',
        'add table inet other; add chain inet other in { type filter hook input priority 9; }; add rule inet other in iifname "nami0" udp dport 9 drop',
      ],
      mend: ['nft', 'delete table inet other'],
    },
    {
      it: 'forwarding switched off',
      check: 'ip_forward',
      plant: ['sysctl', '-wq', 'net.ipv4.ip_forward=0'],
      mend: ['sysctl', '-wq', 'net.ipv4.ip_forward=1'],
    },
  ] as const

  for (const { it, check, plant, mend } of planted) {
    test(`it finds ${it}`, async () => {
      await inside(plant)
      assert.deepEqual(
        (await found()).filter((name) => !own.includes(name)),
        [check],
      )
      await inside(mend)
      assert.deepEqual(await found(), own)
    })
  }
})
