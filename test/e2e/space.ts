/** A namespace of its own for one test, and the words to speak about it. */
import assert from 'node:assert/strict'
import { type Bed, eventually } from '#testing/bed.ts'
import type { Background, Ran } from '#testing/bed-run.ts'

export interface Space {
  readonly bed: Bed
  readonly name: string
  /** Of the probe application. */
  readonly image: string
  /** kubectl in this namespace; throws when it fails, answers what it printed. */
  kubectl(...args: string[]): Promise<string>
  /** For what must fail: answers what it printed on standard error. */
  fails(...args: string[]): Promise<string>
  /** Whatever comes out. */
  tries(...args: string[]): Promise<Ran>
  /** `kubectl apply -f -` of these objects. */
  apply(...objects: object[]): Promise<string>
  start(...args: string[]): Background
  /** `get ... -o json`. */
  get<T = any>(...args: string[]): Promise<T>
  /** `get ... -o jsonpath=...`. */
  path(what: string, jsonpath: string): Promise<string>
  /** One page of the probe application in this pod, asked from the node. */
  ask<T = any>(pod: string, page: string): Promise<T>
}

export type Open = (name: string) => Promise<Space>

/** Makes the namespace and waits for what pods in there need. */
export async function openSpace(bed: Bed, name: string): Promise<Space> {
  const image = await bed.kubectl('get', 'deployment', 'probe', '-n', 'default', '-o', 'jsonpath={..image}')
  const space = spaceOf(bed, { name, image: image.stdout })
  await space.kubectl('create', 'namespace', name)
  // One by one: kubectl waits for one object that is missing, and gives up at once on two.
  for (const made of ['serviceaccount/default', 'configmap/kube-root-ca.crt'])
    await space.kubectl('wait', '--for=create', made, '--timeout=30s')
  return space
}

export function spaceOf(bed: Bed, { name, image }: { name: string; image: string }): Space {
  const tries = (...args: string[]) => bed.kubectl('-n', name, ...args)
  const kubectl = async (...args: string[]) => {
    const ran = await tries(...args)
    if (/timed out waiting/.test(ran.stderr)) throw new Error(`${ran.stderr}${await stateOf(bed, name)}`)
    return succeeded(args, ran)
  }
  return {
    ...{ bed, name, image, tries, kubectl },
    async fails(...args) {
      const { code, stdout, stderr } = await tries(...args)
      assert.notEqual(code, 0, `kubectl ${args.join(' ')} ought to fail, and printed ${stdout}`)
      return stderr
    },
    async apply(...objects) {
      const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
      const args = ['apply', '-n', name, '-f', '-']
      return succeeded(args, await bed.run(bed.kubectlPath, args, { stdin }))
    },
    start: (...args) => bed.start(bed.kubectlPath, ['-n', name, ...args]),
    get: async (...args) => JSON.parse(await kubectl('get', ...args, '-o', 'json')),
    path: (what, jsonpath) => kubectl('get', ...what.split(' '), '-o', `jsonpath=${jsonpath}`),
    async ask(pod, page) {
      const ip = await kubectl('get', 'pod', pod, '-o', 'jsonpath={.status.podIP}')
      return JSON.parse(await bed.get(`http://${ip}:8080${page}`))
    },
  }
}

function succeeded(args: readonly string[], { code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed (${code}): ${stderr.trim()}${stdout && `\n${stdout}`}`)
  return stdout
}

/** A pod of the probe application, ready when it answers; `container` and `spec` go on top. */
export function probePod(name: string, space: Space, parts: PodParts = {}): object {
  const readinessProbe = { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1 }
  return podOf(name, space, { ...parts, container: { readinessProbe, ...parts.container } })
}

/** A pod that runs shell lines. */
export function shellPod(name: string, space: Space, script: string, parts: PodParts = {}): object {
  return podOf(name, space, { ...parts, container: { command: ['/bin/sh', '-c', script], ...parts.container } })
}

export interface PodParts {
  readonly container?: object
  readonly spec?: object
  readonly labels?: Readonly<Record<string, string>>
}

function podOf(name: string, { image }: Space, { container = {}, spec = {}, labels = { app: name } }: PodParts): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }], ...container }],
      ...spec,
    },
  }
}

export async function ready(space: Space, ...pods: string[]): Promise<void> {
  await space.kubectl('wait', '--for=condition=Ready', ...pods.map((pod) => `pod/${pod}`), '--timeout=60s')
}

/** What a person would look at first. */
async function stateOf(bed: Bed, name: string): Promise<string> {
  const ask = async (...args: string[]) => (await bed.kubectl('-n', name, ...args)).stdout
  const [pods, status, events] = await Promise.all([
    ask('get', 'pods', '-o', 'wide'),
    ask('get', 'pods', '-o', 'jsonpath={range .items[*]}{.metadata}\n{.status}\n{end}'),
    ask('get', 'events'),
  ])
  return [pods, status, events, bed.errors()].join('\n')
}

/** Until the jsonpath's text is (or matches) what is wanted. */
export async function becomes(space: Space, what: string, [jsonpath, wanted]: readonly [string, string | RegExp]): Promise<void> {
  const check = async () => {
    const found = await space.path(what, jsonpath)
    if (typeof wanted === 'string') assert.equal(found, wanted)
    else assert.match(found, wanted)
  }
  await eventually(check, { timeout: 60_000, every: 200 }).catch(async (error) => {
    throw new Error(`${error.message}\n${await stateOf(space.bed, space.name)}`, { cause: error })
  })
}
