import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseEnvFile } from './env-file.ts'
import { interpolate } from './interpolate.ts'
import { startOrder, withDependencies } from './order.ts'
import { planNames, planPod } from './plan-pods.ts'
import { portsOf } from './ports.ts'
import { readStack } from './read-stack.ts'
import { milliseconds, quantity } from './units.ts'

const variables = { A: 'a', EMPTY: '', HOST: 'db' }
const texts = [
  ['$A-${A}', 'a-a'],
  ['$$A', '$A'],
  ['${NONE:-x}${EMPTY:-y}${EMPTY-z}${NONE-w}', 'xyw'],
  ['${A:+set}${EMPTY:+no}${EMPTY+yes}${NONE+no}', 'setyes'],
  ['${NONE:-${A:-b}}', 'a'],
  ['postgres://${HOST}:${PORT:-5432}/x', 'postgres://db:5432/x'],
  ['[$NONE]', '[]'],
]

for (const [text = '', wanted] of texts) {
  test(`interpolate(${JSON.stringify(text)})`, () => assert.equal(interpolate(text, variables), wanted))
}

const refusedTexts = [
  { text: '${NONE:?say it}', says: /required variable NONE is missing a value: say it/ },
  { text: '${EMPTY:?}', says: /required variable EMPTY is missing a value$/ },
  { text: '${A', says: /"}" is missing/ },
  { text: '$1', says: /write \$\$ for a dollar sign/ },
]

for (const { text, says } of refusedTexts) {
  test(`interpolate(${JSON.stringify(text)}) is refused`, () => assert.throws(() => interpolate(text, variables), says))
}

test('parseEnvFile() reads quotes, comments, references, names without a value, values over lines', () => {
  const text = `# c\nA=1 # c\nexport B="x \${A}\\n$HOST"\nC='raw $A'\nD=a#b\nHOST\nNONE\nE=\nF: yaml\nG="one\ntwo"\n`
  assert.deepEqual(parseEnvFile(text, variables), {
    A: '1',
    B: 'x 1\ndb',
    C: 'raw $A',
    D: 'a#b',
    HOST: 'db',
    E: '',
    F: 'yaml',
    G: 'one\ntwo',
  })
})

test('milliseconds() and quantity() read what Docker reads', () => {
  assert.deepEqual(['1m30s', '500ms', '2h', '1.5s'].map(milliseconds), [90_000, 500, 7_200_000, 1500])
  assert.deepEqual(['512m', '2gb', '1024', '1.5g', '64k'].map(quantity), ['512Mi', '2Gi', '1024', '1.5Gi', '64Ki'])
  assert.throws(() => milliseconds('1 minute'), /is no duration/)
  assert.throws(() => quantity('much'), /is no size/)
})

const place = { directory: '/', variables: {}, at: (_: unknown, text: string) => `f:1: ${text}`, warn: () => {} }
const ports = [
  { port: '8080:80', is: [{ published: 8080, target: 80, protocol: 'TCP' }] },
  { port: 80, is: [{ target: 80, protocol: 'TCP' }] },
  { port: '127.0.0.1:53:53/udp', is: [{ published: 53, target: 53, protocol: 'UDP', address: '127.0.0.1' }] },
  {
    port: '3000-3001:4000-4001',
    is: [
      { published: 3000, target: 4000, protocol: 'TCP' },
      { published: 3001, target: 4001, protocol: 'TCP' },
    ],
  },
  { port: { target: 80, published: '90', host_ip: '::1' }, is: [{ published: 90, target: 80, protocol: 'TCP', address: '::1' }] },
]

for (const { port, is } of ports) {
  test(`portsOf(${JSON.stringify(port)})`, () => assert.deepEqual(portsOf([port], place), is))
}

function read(
  text: string,
  { env = {}, profiles = [], files = {} }: { env?: object; profiles?: string[]; files?: Record<string, string> } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'nami-compose-'))
  try {
    for (const [name, content] of Object.entries({ 'compose.yaml': text, ...files })) writeFileSync(join(folder, name), content)
    const file = join(folder, 'compose.yaml')
    return readStack(file, {
      env: env as Record<string, string>,
      profiles,
      cwd: folder,
      read: (path) => readFileSync(path, 'utf8'),
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const refused = [
  {
    it: 'a misspelt key',
    text: 'services:\n  web:\n    image: a\n    enviroment: {}\n',
    says: /compose\.yaml:4: unknown key "enviroment"/,
  },
  {
    it: 'a misspelt key that resembles one',
    text: 'services:\n  web:\n    image: a\n    port: [1]\n',
    says: /compose\.yaml:4: unknown key "port"; is "ports" meant\?/,
  },
  { it: 'an unknown part', text: 'service:\n  web: {}\n', says: /compose\.yaml:1: unknown key "service"; is "services" meant\?/ },
  {
    it: 'a service without an image',
    text: 'services:\n  web:\n    command: x\n',
    says: /compose\.yaml:2: service web has neither an image nor a build context/,
  },
  { it: 'broken YAML', text: 'services:\n  web: [\n', says: /compose\.yaml:\d+:\d+: / },
  { it: 'no services', text: 'volumes: {}\n', says: /there are no services/ },
  {
    it: 'a missing variable that is required',
    text: 'services:\n  web:\n    image: "a:${TAG:?no tag}"\n',
    says: /compose\.yaml:3: required variable TAG is missing a value: no tag/,
  },
  {
    it: 'a missing env_file',
    text: 'services:\n  web:\n    image: a\n    env_file: x.env\n',
    says: /compose\.yaml:4: x\.env does not exist/,
  },
  {
    it: 'a port that is none',
    text: 'services:\n  web:\n    image: a\n    ports: [a]\n',
    says: /compose\.yaml:4: "a" is no port/,
  },
  {
    it: 'a condition that is none',
    text: 'services:\n  web:\n    image: a\n    depends_on:\n      db: { condition: up }\n',
    says: /compose\.yaml:5: "up" is no condition/,
  },
  {
    it: 'a service that extends itself',
    text: 'services:\n  web:\n    extends: web\n    image: a\n',
    says: /compose\.yaml:3: service web extends itself/,
  },
]

for (const { it, text, says } of refused) {
  test(`readStack() refuses ${it}, with its line`, () => assert.throws(() => read(text), says))
}

test('readStack() says by line what no cluster can do', () => {
  const { warnings } = read(
    'services:\n  web:\n    image: a\n    ulimits: {}\n    networks: [front]\n    x-mine: 1\nnetworks:\n  front:\n',
  )
  assert.deepEqual(warnings, [
    'compose.yaml:4: ulimits is left out: the node decides',
    'compose.yaml:5: all services of a stack share one network: networks only give names',
  ])
})

test('readStack() leaves out other profiles, but not what is depended on', () => {
  const text =
    'services:\n  a: { image: x }\n  b: { image: x, profiles: [tools], depends_on: [c] }\n  c: { image: x, profiles: [more] }\n'
  assert.deepEqual(Object.keys(read(text).services), ['a'])
  assert.deepEqual(Object.keys(read(text, { profiles: ['tools'] }).services), ['a', 'b', 'c'])
})

test('readStack() merges what is extended, here and from another file', () => {
  const files = {
    'base.yml':
      'services:\n  base:\n    image: a\n    environment: { A: 1, B: 2 }\n    command: old\n    volumes: ["./x:/x", "/tmp:/y"]\n',
  }
  const text =
    'services:\n  web:\n    extends: { file: base.yml, service: base }\n    environment: [B=3, C]\n    command: new one\n    volumes: ["z:/y"]\nvolumes: { z: }\n'
  const { web } = read(text, { files, env: { C: 'c' } }).services
  assert.deepEqual(web?.environment, { A: '1', B: '3', C: 'c' })
  assert.deepEqual([web?.image, web?.command], ['a', ['new', 'one']])
  assert.deepEqual(
    web?.mounts.map(({ kind, target }) => [kind, target]),
    [
      ['folder', '/x'],
      ['volume', '/y'],
    ],
  )
})

test('readStack() includes other files, and .env beside the file counts below the shell', () => {
  const files = { 'other.yml': 'services:\n  db: { image: "pg:${V}" }\n', '.env': 'V=1\nW=1\n' }
  const { services } = read('include: [other.yml]\nservices:\n  web: { image: "a:${W}" }\n', { files, env: { W: '2' } })
  assert.deepEqual([services.db?.image, services.web?.image], ['pg:1', 'a:2'])
})

test('startOrder() puts each service behind what it depends on, and names a circle', () => {
  const { services } = read(
    'services:\n  a: { image: x, depends_on: [b] }\n  b: { image: x, depends_on: { c: { condition: service_started } } }\n  c: { image: x }\n',
  )
  assert.deepEqual(
    startOrder(services).map(({ name }) => name),
    ['c', 'b', 'a'],
  )
  assert.deepEqual(Object.keys(withDependencies(services, ['b'])), ['b', 'c'])
  const circle = read('services:\n  a: { image: x, depends_on: [b] }\n  b: { image: x, depends_on: [a] }\n')
  assert.throws(() => startOrder(circle.services), /dependency cycle detected: a -> b -> a/)
  assert.throws(
    () => startOrder(read('services:\n  a: { image: x, depends_on: [z] }\n').services),
    /depends on undefined service "z"/,
  )
})

const planned = (text: string, isLocal = false) => {
  const stack = read(`services:\n  web:\n    image: img\n${text}\nvolumes: { store: , ext: { external: true, name: kept } }\n`)
  const web = stack.services.web
  assert(web)
  const options = { stack, project: 'p', namespace: 'p', image: { reference: 'img', isLocal }, publishes: true }
  return { pod: planPod(web, 1, options) as any, names: planNames(web, options) as any }
}

const podParts = [
  { says: 'restart: unless-stopped', path: 'restartPolicy', is: 'Always' },
  { says: 'restart: on-failure:3', path: 'restartPolicy', is: 'OnFailure' },
  { says: 'init: true', path: 'restartPolicy', is: 'Never' },
  { says: 'stop_grace_period: 1m', path: 'terminationGracePeriodSeconds', is: 60 },
  { says: 'entrypoint: ["/e", "x"]', path: 'containers.0.command', is: ['/e', 'x'] },
  { says: `command: sh -c 'echo $$(A)'`, path: 'containers.0.args', is: ['sh', '-c', 'echo $$(A)'] },
  {
    says: 'environment: { A: 1, B: "true" }',
    path: 'containers.0.env',
    is: [
      { name: 'A', value: '1' },
      { name: 'B', value: 'true' },
    ],
  },
  { says: 'ports: ["90:80"]', path: 'containers.0.ports', is: [{ containerPort: 80, hostPort: 90, protocol: 'TCP' }] },
  { says: 'user: "7:8"', path: 'containers.0.securityContext', is: { runAsUser: 7, runAsGroup: 8 } },
  { says: 'cap_add: [NET_ADMIN]', path: 'containers.0.securityContext', is: { capabilities: { add: ['NET_ADMIN'] } } },
  { says: 'working_dir: /x', path: 'containers.0.workingDir', is: '/x' },
  { says: 'mem_limit: 64m\n    cpus: 0.5', path: 'containers.0.resources.limits', is: { cpu: '0.5', memory: '64Mi' } },
  { says: 'volumes: ["store:/s:ro"]', path: 'volumes.0', is: { name: 'v0', persistentVolumeClaim: { claimName: 'store' } } },
  { says: 'volumes: ["ext:/s"]', path: 'volumes.0.persistentVolumeClaim.claimName', is: 'kept' },
  { says: 'volumes: ["/etc:/s"]', path: 'volumes.0.hostPath', is: { path: '/etc' } },
  { says: 'volumes: ["/s"]', path: 'volumes.0.emptyDir', is: {} },
  { says: 'tmpfs: "/t:size=1m"', path: 'volumes.0.emptyDir', is: { medium: 'Memory', sizeLimit: '1Mi' } },
  { says: 'extra_hosts: ["a:1.2.3.4"]', path: 'hostAliases', is: [{ ip: '1.2.3.4', hostnames: ['a'] }] },
  { says: 'network_mode: host', path: 'hostNetwork', is: true },
  {
    says: 'healthcheck: { test: pg_isready, interval: 2s, retries: 5 }',
    path: 'containers.0.readinessProbe',
    is: { exec: { command: ['/bin/sh', '-c', 'pg_isready'] }, periodSeconds: 2, timeoutSeconds: 30, failureThreshold: 5 },
  },
]

for (const { says, path, is } of podParts) {
  test(`planPod() makes ${path} of ${says}`, () => {
    const { pod } = planned(`    ${says}`)
    assert.deepEqual(
      path.split('.').reduce((value, key) => value?.[key], pod.spec),
      is,
    )
  })
}

test('planPod() gives another hash exactly when the pod is another', () => {
  const hash = (text: string) => planned(`    ${text}`).pod.metadata.annotations['nami.dev/config-hash']
  assert.equal(hash('command: a'), hash('command: [a]'))
  assert.notEqual(hash('command: a'), hash('command: b'))
})

test('planNames() makes headless names of the service and its aliases, with the ports that it has', () => {
  const { names } = planned(
    '    ports: ["90:80"]\n    expose: [80, 81]\n    container_name: front\n    networks: { default: { aliases: [api] } }',
  )
  assert.deepEqual(
    names.map(({ metadata }: any) => metadata.name),
    ['web', 'api', 'front'],
  )
  assert.deepEqual(
    names[0].spec.ports.map(({ port }: any) => port),
    [80, 81],
  )
  assert.deepEqual([names[0].spec.clusterIP, names[0].spec.publishNotReadyAddresses], ['None', true])
})
