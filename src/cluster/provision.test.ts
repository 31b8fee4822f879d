import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualInstall, missingRequirements, requirements } from './provision.ts'

test('missingRequirements() takes any of several places', () => {
  const has = new Set(['containerd', 'runc', '/opt/cni/bin/bridge', 'nft', 'ip', '/usr/bin/busybox'])
  assert.deepEqual(
    missingRequirements((name) => (has.has(name) ? name : undefined)),
    [],
  )
})

test('missingRequirements() names Debian packages in order', () => {
  const missing = missingRequirements((name) => (name === 'runc' ? name : undefined))
  assert.deepEqual(
    missing.map(({ debian }) => debian),
    ['containerd', 'containernetworking-plugins', 'nftables', 'iproute2', 'busybox-static'],
  )
})

const [one] = requirements
assert(one)

const cases = [
  { it: 'nothing where nothing is missing', missing: [], isRoot: false, hasApt: false, says: undefined },
  { it: 'nothing to root with apt', missing: [one], isRoot: true, hasApt: true, says: undefined },
  {
    it: 'sudo to others',
    missing: [one],
    isRoot: false,
    hasApt: true,
    says: 'sudo apt-get update && sudo apt-get install -y containerd',
  },
  { it: 'the names where there is no apt', missing: [one], isRoot: true, hasApt: false, says: 'containerd' },
]

for (const { it, missing, says, ...machine } of cases) {
  test(`manualInstall() says ${it}`, () => assert.equal(manualInstall(missing, machine)?.commands[0], says))
}
