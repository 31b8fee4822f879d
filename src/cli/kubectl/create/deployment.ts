/** `kubectl create deployment`. */
import { randomBytes } from 'node:crypto'
import { integer, list } from '../command-line.ts'
import { KubectlError } from '../errors.ts'
import { defineVerb } from '../verb.ts'
import { createObject, generatorFlags, metadataOf, nameOfArguments } from './generator.ts'

export default defineVerb({
  usage: 'create deployment NAME --image=image -- [COMMAND] [args...]',
  summary: 'Create a deployment with the specified name',
  examples: ['create deployment web --image=nginx --replicas=3'],
  flags: {
    ...generatorFlags,
    image: list({ required: true }),
    port: integer(-1),
    replicas: integer(1, { short: 'r' }),
  },
  async run(call) {
    const { flags, args } = call
    const name = nameOfArguments(call)
    const command = args.slice(1)
    if (flags.image.length > 1 && command.length > 0) {
      throw new KubectlError('cannot specify multiple --image options and command')
    }
    const containers = flags.image.map((image, at) => ({
      name: containerName(image),
      image,
      ...(command.length > 0 && { command }),
      ...(at === 0 && flags.port >= 0 && { ports: [{ containerPort: flags.port }] }),
    }))
    const labels = { app: name }
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...metadataOf(call, name), labels },
      spec: {
        replicas: flags.replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    }
    await createObject(call, object, 'failed to create deployment: ')
  },
})

/** The image's last part; where that is no DNS label, made one, and unique. */
function containerName(image: string): string {
  const name = (image.split('/').at(-1) as string).split(':')[0]?.split('@')[0] as string
  return /[_.]/.test(name) ? `${name.replace(/[_.]/g, '-')}-${suffix()}` : name
}

function suffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('')
}
