import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '#api/core/v1/pod.ts'
import { prepareEphemeralContainers, prepareResize } from '#api/core/v1/pod-strategy.ts'
import { validateEphemeralContainersUpdate } from '#api/core/v1/validation/pod.ts'
import { validatePodResize } from '#api/core/v1/validation/pod-resize.ts'
import { formatFieldError, root } from '#schema/field-error.ts'
import { made } from '#testing/errors-of.ts'

const requests = (cpu?: string, memory?: string) => ({ requests: { ...(cpu && { cpu }), ...(memory && { memory }) } })
const container = (resources: object = {}, more: object = {}) => ({ name: 'main', image: 'x:1', resources, ...more })
const pod = (spec: object) => made(Pod, { spec: { serviceAccountName: 'default', ...spec } })

const resizes = [
  { it: 'takes more cpu', now: [container(requests('2', '1Gi'))], before: [container(requests('1', '1Gi'))], errors: [] },
  {
    it: 'refuses to drop a request',
    now: [container(requests('2'))],
    before: [container(requests('1', '1Gi'))],
    errors: ['spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed'],
  },
  {
    it: 'refuses another class',
    now: [container(requests('1'))],
    before: [container()],
    errors: ['spec: Invalid value: "": Pod QOS Class may not change as a result of resizing'],
  },
  {
    it: 'refuses a renamed container',
    now: [container({}, { name: 'other' })],
    before: [container()],
    errors: ['spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize'],
  },
]

for (const { it, now, before, errors } of resizes) {
  test(`validatePodResize() ${it}`, () => {
    const [object, old] = [pod({ containers: now }), pod({ containers: before })]
    prepareResize(object, old)
    assert.deepEqual(validatePodResize(object, old, root).map(formatFieldError), errors)
  })
}

const debug = { name: 'debug', image: 'y' }
const additions = [
  { it: 'takes a new one', now: [debug], before: [], errors: [] },
  {
    it: 'refuses to remove one',
    now: [],
    before: [debug],
    errors: ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n'],
  },
]

for (const { it, now, before, errors } of additions) {
  test(`validateEphemeralContainersUpdate() ${it}`, () => {
    const containers = [container()]
    const [object, old] = [pod({ containers, ephemeralContainers: now }), pod({ containers, ephemeralContainers: before })]
    prepareEphemeralContainers(object, old)
    assert.deepEqual(validateEphemeralContainersUpdate(object, old, root).map(formatFieldError), errors)
  })
}

test('validateEphemeralContainersUpdate() shows what differs as upstream does', () => {
  const containers = [container()]
  const [object, old] = [
    pod({ containers, ephemeralContainers: [{ ...debug, image: 'z' }] }),
    pod({ containers, ephemeralContainers: [debug] }),
  ]
  const [error] = validateEphemeralContainersUpdate(object, old, root).map(formatFieldError)
  assert(error?.includes('@@ -1,6 +1,6 @@\n {\n  "Name": "debug",\n- "Image": "y",\n+ "Image": "z",\n'), error)
})
