/** An operator on a public framework, as its users write them: a custom resource, a finalizer, what it makes, and its status. */
import assert from 'node:assert/strict'
import framework, { type ResourceEvent, type ResourceMeta } from '@dot-i/k8s-operator'
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node'

const [, , crd = ''] = process.argv
const group = 'greetings.example.com'
const finalizer = `${group}/clean`
const namespace = 'default'

const config = new KubeConfig()
config.loadFromDefault()

class GreetingOperator extends framework.default {
  readonly #core = config.makeApiClient(CoreV1Api)

  protected override async init(): Promise<void> {
    const { plural } = await this.registerCustomResourceDefinition(crd)
    await this.watchResource(group, 'v1', plural, (event) => this.#handle(event))
  }

  async #handle(event: ResourceEvent): Promise<void> {
    const isDone = await this.handleResourceFinalizer(event, finalizer, async ({ meta }) => this.#clean(meta))
    if (isDone || event.type === 'DELETED') return
    const object = event.object as any
    if (object.status?.observedGeneration === object.metadata.generation) return
    const data = { text: `Hello, ${object.spec.whom}!` }
    const body = { metadata: { name: event.meta.name }, data }
    await this.#core.createNamespacedConfigMap({ namespace, body }).catch(async (error) => {
      assert(error instanceof ApiException && error.code === 409)
      await this.#core.replaceNamespacedConfigMap({ namespace, name: event.meta.name, body })
    })
    await this.setResourceStatus(event.meta, { observedGeneration: object.metadata.generation, state: 'greeted' })
  }

  async #clean({ name }: ResourceMeta): Promise<void> {
    await this.#core.deleteNamespacedConfigMap({ namespace, name })
    console.log(`cleaned ${name}`)
  }
}

await new GreetingOperator().start()
console.log('watching')
