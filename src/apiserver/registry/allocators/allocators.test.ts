import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Service } from '#api/core/v1/service.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { listerOf } from '#testing/lister.ts'
import { staticBand } from './dynamic-band.ts'
import { formatIpv4, parseIpv4, parseIpv4Cidr } from './ipv4.ts'
import { NodePortAllocator } from './node-port.ts'

test('staticBand() follows KEP-3070', () => {
  const sizes: [number, number][] = [
    [16, 0],
    [32, 16],
    [256, 16],
    [1024, 64],
    [4096, 256],
    [65536, 256],
  ]
  for (const [size, band] of sizes) assert.equal(staticBand(size, { min: 16, max: 256, step: 16 }), band)
  assert.equal(staticBand(2768, { min: 16, max: 128, step: 32 }), 86)
})

test('parseIpv4() is strict', () => {
  assert.equal(formatIpv4(parseIpv4('10.96.0.1') as number), '10.96.0.1')
  assert.equal(formatIpv4(parseIpv4('255.255.255.255') as number), '255.255.255.255')
  for (const text of ['10.96.0', '10.96.0.256', '010.0.0.1', '::1', 'None', '']) assert.equal(parseIpv4(text), undefined, text)
  const range = parseIpv4Cidr('10.96.0.0/28')
  assert.deepEqual([formatIpv4(range!.first), formatIpv4(range!.last)], ['10.96.0.1', '10.96.0.14'])
  assert.equal(parseIpv4Cidr('fd00::/112'), undefined)
})

function bed(services: object[] = []) {
  return { lister: listerOf([Service, services]), clock: new VirtualClock(), random: seededRandom(1) }
}

test('NodePortAllocator hands out each port once', () => {
  const ports = new NodePortAllocator({ first: 30000, last: 30031 })
  const context = bed([{ metadata: { name: 'a' }, spec: { ports: [{ port: 80, nodePort: 30020 }] } }])
  const seen = new Set<number>([30020])
  const upper: number[] = []
  for (let i = 0; i < 31; i++) {
    const port = ports.begin(context).allocateNext()
    assert.ok(!seen.has(port))
    seen.add(port)
    if (i < 15) upper.push(port)
  }
  assert.ok(
    upper.every((port) => port >= 30016),
    'the lower band comes last',
  )
  assert.throws(() => ports.begin(context).allocateNext(), { message: 'range is full' })
})

test('NodePortAllocator refuses what is taken or outside', () => {
  const ports = new NodePortAllocator()
  const context = bed()
  const first = ports.begin(context)
  first.allocate(30080)
  assert.throws(() => ports.begin(context).allocate(30080), { message: 'provided port is already allocated' })
  assert.throws(() => first.allocate(80), {
    message: 'provided port is not in the valid range. The range of valid ports is 30000-32767',
  })
  first.release()
  ports.begin(context).allocate(30080)
  context.clock.advanceTo(context.clock.now() + 61_000)
  ports.begin(context).allocate(30080)
})
