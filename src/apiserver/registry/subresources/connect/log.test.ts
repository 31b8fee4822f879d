import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { DialError } from '#apiserver/dialers.ts'
import { testBackend } from '#testing/backend.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'
import { chooseContainer } from './containers.ts'
import { parseLogOptions } from './log-options.ts'
import { refusalOf } from './refusal.ts'

const containers = (...names: string[]) => names.map((name) => ({ name, image: 'example/app:1' }))

async function bed(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const backend = await testBackend(answer)
  const cluster = await testCluster({ nodeDialer: { dial: () => backend.dial() } })
  await cluster.client.create(Pod, pod('web', { spec: { nodeName: 'n1', containers: containers('a', 'b') } }))
  await cluster.client.create(Pod, pod('new'))
  return {
    ...{ backend, cluster },
    log: (name: string, search = '') => send(cluster.server, `GET /api/v1/namespaces/default/pods/${name}/log${search}`),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}

async function textOf(response: Awaited<ReturnType<typeof send>>['response']): Promise<string> {
  assert(response.type === 'stream')
  assert.equal(response.headers['content-type'], 'text/plain')
  return Buffer.concat(await Array.fromAsync(response.chunks)).toString()
}

test('pods/log asks the agent and streams its answer', async () => {
  await using it = await bed((request, response) => void response.end(`log of ${request.method} ${request.url}`))
  const { response } = await it.log('web', '?container=b&tailLines=3&follow=true&sinceTime=2026-01-02T03:04:05Z')
  const query = 'follow=true&tailLines=3&sinceTime=2026-01-02T03%3A04%3A05Z'
  assert.equal(await textOf(response), `log of GET /containerLogs/default/web/b?${query}`)
})

test('pods/log of a pod without a node is empty', async () => {
  await using it = await bed(() => assert.fail('asked an agent'))
  assert.equal((await it.log('new')).status, 204)
})

test('pods/log lets the agent go when the reader has', async () => {
  await using it = await bed((_, response) => void response.write('one\n'))
  const { response } = await it.log('web', '?container=a&follow=1')
  assert(response.type === 'stream')
  for await (const chunk of response.chunks) {
    assert.equal(Buffer.from(chunk).toString(), 'one\n')
    break
  }
  const [socket] = it.backend.open
  if (socket && !socket.destroyed) await once(socket, 'close')
})

test('pods/log passes on why the agent refuses', async () => {
  const text = 'container "a" in pod "web" is waiting to start: ContainerCreating'
  await using it = await bed((_, response) => void response.writeHead(400).end(text))
  const { status, object } = await it.log('web', '?container=a')
  assert.deepEqual([status, object.reason, object.message], [400, 'BadRequest', text])
})

test('pods/log tells of a node that cannot be reached', async () => {
  const dial = async () => {
    throw new DialError('dial tcp 10.0.0.7:10250: connect: connection refused')
  }
  await using cluster = await testCluster({ nodeDialer: { dial } })
  await cluster.client.create(Pod, pod('web', { spec: { nodeName: 'n1' } }))
  const { status, object } = await send(cluster.server, 'GET /api/v1/namespaces/default/pods/web/log')
  assert.equal(status, 500)
  const target = 'https://10.0.0.7:10250/containerLogs/default/web/main'
  assert.equal(object.message, `Get "${target}": dial tcp 10.0.0.7:10250: connect: connection refused`)
})

const named = (lists: Partial<Record<'initContainers' | 'containers' | 'ephemeralContainers', string[]>>) =>
  ({
    metadata: { name: 'web' },
    spec: { containers: [], ...Object.fromEntries(Object.entries(lists).map(([list, names]) => [list, containers(...names)])) },
  }) as unknown as Pod

const choices = [
  { it: 'takes the only one', pod: named({ containers: ['a'], initContainers: ['i'] }), wanted: '', chosen: 'a' },
  { it: 'takes one of any sort', pod: named({ containers: ['a'], initContainers: ['i'] }), wanted: 'i', chosen: 'i' },
  {
    it: 'lists them where there are several',
    pod: named({ containers: ['a', 'b'], initContainers: ['i'], ephemeralContainers: ['e'] }),
    wanted: '',
    error: 'a container name must be specified for pod web, choose one of: [i a b e]',
  },
  {
    it: 'refuses an unknown one',
    pod: named({ containers: ['a'] }),
    wanted: 'x',
    error: 'container x is not valid for pod web',
  },
]

for (const { it, pod, wanted, chosen, error } of choices) {
  test(`chooseContainer() ${it}`, () => {
    if (error) assert.throws(() => chooseContainer(pod, wanted), { message: error, reason: 'BadRequest' })
    else assert.equal(chooseContainer(pod, wanted), chosen)
  })
}

const invalid = (text: string) => `PodLogOptions "web" is invalid: ${text}`
const refused = [
  ['tailLines=-1', invalid('tailLines: Invalid value: -1: must be greater than or equal to 0')],
  ['limitBytes=0', invalid('limitBytes: Invalid value: 0: must be greater than 0')],
  ['sinceSeconds=0', invalid('sinceSeconds: Invalid value: 0: must be greater than 0')],
  [
    'sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z',
    invalid('[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified'),
  ],
  ['stream=Other', invalid('stream: Unsupported value: "Other": supported values: "Stdout", "Stderr", "All"')],
  ['tailLines=many', 'strconv.ParseInt: parsing "many": invalid syntax'],
  ['sinceTime=now', 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
] as const

for (const [query, message] of refused) {
  test(`parseLogOptions() refuses ${query}`, () => {
    assert.throws(() => parseLogOptions(new URLSearchParams(query), 'web'), { message })
  })
}

const refusals = [
  [404, 'the server could not find the requested resource ( pods/log web)'],
  [403, 'Forbidden (user=x) ( pods/log web)'],
  [502, 'an error on the server ("Forbidden (user=x)") has prevented the request from succeeding ( pods/log web)'],
  [418, 'the server responded with the status code 418 but did not return more information ( pods/log web)'],
] as const

for (const [code, message] of refusals) {
  test(`refusalOf() words ${code}`, () => {
    const error = refusalOf({ code, resource: 'pods/log', name: 'web', text: 'Forbidden (user=x)' })
    assert.deepEqual([error.code, error.message], [code, message])
  })
}
