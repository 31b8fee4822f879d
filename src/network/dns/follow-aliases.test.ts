import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode, type Packet } from 'dns-packet'
import type { Service } from '#api/core/v1/service.ts'
import { seededRandom } from '#lib/random.ts'
import { type AliasMeans, followAliases } from './follow-aliases.ts'
import { lookUp } from './records.ts'

const domain = 'cluster.local'
const externalName = (name: string) => ({ type: 'ExternalName', externalName: name })
const specs: Record<string, object> = {
  web: { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] },
  inner: externalName(`web.ns.svc.${domain}`),
  twice: externalName(`inner.ns.svc.${domain}.`),
  circle: externalName(`circle.ns.svc.${domain}`),
  lost: externalName(`none.ns.svc.${domain}`),
  outer: externalName('example.com'),
}
const names: AliasMeans['names'] = {
  service: (_, name) => (specs[name] ? ({ metadata: { name }, spec: specs[name] } as Service) : undefined),
  slices: () => [],
  hasNamespace: () => true,
  serviceByIp: () => undefined,
  slicesByIp: () => [],
}

const rcodes = { NOERROR: 0, NXDOMAIN: 3 }

async function ask(service: string, type = 'A', answer?: { rcode: keyof typeof rcodes; answers: Packet['answers'] }) {
  const asked: string[] = []
  const forwarder = {
    async ask(message: Buffer) {
      const { id, questions = [] } = decode(message)
      asked.push(...questions.map((question) => `${question.type} ${question.name}`))
      const head = { type: 'response', id: id ?? 0, flags: rcodes[answer?.rcode ?? 'NOERROR'], questions } as const
      return answer && encode({ ...head, answers: answer.answers ?? [] })
    },
    close() {},
  }
  const found = lookUp(`${service}.ns.svc.${domain}`, type, { names, domain })
  assert(found)
  const { exists, records, foreign } = await followAliases(found, type, { names, domain, random: seededRandom(1), forwarder })
  return { exists, asked, data: [...records, ...foreign].map((record) => ('data' in record ? record.data : undefined)) }
}

test('followAliases() adds the addresses of a service of the cluster', async () => {
  const one = await ask('inner')
  assert.deepEqual(one, { exists: true, asked: [], data: [`web.ns.svc.${domain}`, '10.96.0.5'] })
  const { data } = await ask('twice')
  assert.deepEqual(data, [`inner.ns.svc.${domain}`, `web.ns.svc.${domain}`, '10.96.0.5'])
})

test('followAliases() asks others for the addresses of an outside name', async () => {
  const answers: Packet['answers'] = [{ type: 'A', name: 'example.com', ttl: 60, data: '192.0.2.1' }]
  const { asked, data } = await ask('outer', 'A', { rcode: 'NOERROR', answers })
  assert.deepEqual([asked, data], [['A example.com'], ['example.com', '192.0.2.1']])
  assert.equal((await ask('outer', 'A', { rcode: 'NXDOMAIN', answers: [] })).exists, false)
  assert.deepEqual((await ask('outer')).data, ['example.com'], 'when nobody answers')
})

test('followAliases() leaves the alias alone when that is the question, and comes out of circles', async () => {
  assert.deepEqual(await ask('inner', 'CNAME'), { exists: true, asked: [], data: [`web.ns.svc.${domain}`] })
  assert.equal((await ask('lost')).exists, false)
  assert.equal((await ask('circle')).exists, true)
})
