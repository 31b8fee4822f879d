/** What the commands about stacks share: the Compose file, the cluster, the images. `dev ...` is about a project's, `compose ...` about any. */
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CommandError } from '#cli/command.ts'
import type { Image } from '#images/image.ts'
import { systemClock } from '#lib/clock.ts'
import type { ReadOptions, Stack } from '#workflow/compose/read-stack.ts'
import type { RunningStack } from '#workflow/compose/run-stack.ts'
import type { StackImages } from '#workflow/compose/stack-images.ts'
import type { PodStreams } from '#workflow/environment/target.ts'
import type { Project } from '#workflow/project/project.ts'
import type { Surroundings } from '#workflow/surroundings.ts'
import type { WorkflowCall } from './open.ts'

export const stackFlags = {
  filename: {
    type: 'string',
    short: 'f',
    value: 'FILE',
    doc: 'the Compose file (default hokusai/development.yml, or compose.yaml)',
  },
  profile: { type: 'string', value: 'P', multiple: true, doc: 'also services of this profile' },
} as const

/** `dev logs` follows with -f. */
export const filename = { type: 'string', also: '-fi', value: 'FILE', doc: stackFlags.filename.doc } as const

export interface OpenStackOptions {
  readonly file: string | undefined
  readonly profiles: readonly string[] | undefined
  /** Of `hokusai/`: development or test. */
  readonly name: 'development' | 'test'
  /** Where there is no project the folder itself is built and run. */
  readonly isFolderEnough?: boolean
}

export interface OpenedStack {
  readonly project: string
  readonly stack: Stack
  readonly around: Surroundings
  /** For what is to be finished also after Ctrl-C. */
  readonly calm: Surroundings
  readonly pods: PodStreams
  readonly place: Pick<RunningStack, 'client' | 'stack' | 'project' | 'namespace' | 'env'>
  readonly context: string
  /** Of these services, default all. */
  images(isBuilt: boolean, services?: Stack['services']): Promise<RunningStack['images']>
  /** How images are built and brought to the nodes. */
  readonly delivery: Omit<StackImages, 'isBuilt'>
}

export async function withStack<T>(
  call: WorkflowCall,
  options: OpenStackOptions,
  use: (opened: OpenedStack) => Promise<T>,
): Promise<T> {
  const [{ worded, surroundings }, { readStack }, { connectTo, kubeconfigOf }] = await Promise.all([
    import('./open.ts'),
    import('#workflow/compose/read-stack.ts'),
    import('./connect.ts'),
  ])
  return worded(async () => {
    const { terminal, note } = call
    const around = await surroundings(call)
    const found = await findStack(call, options)
    const stack = readStack(found.file, {
      env: terminal.env,
      read: found.read,
      cwd: terminal.cwd,
      profiles: [...(options.profiles ?? []), ...(terminal.env.COMPOSE_PROFILES?.split(',').filter(Boolean) ?? [])],
    })
    if (/ (start|up)$|^test$/.test(call.name)) for (const line of stack.warnings) note(`warning: ${line}`)
    const { client, pods, context } = connectTo(terminal, kubeconfigOf(terminal), undefined)
    const namespace = found.namespace
    const delivery = await deliveryOf(call, { around, project: found.project, client })
    const { imagesOf } = await import('#workflow/compose/stack-images.ts')
    try {
      return await use({
        ...{ project: found.project, stack, around, pods, context, delivery },
        calm: { ...around, signal: new AbortController().signal, pause: (time) => pauseAnyway(time) },
        place: { client, stack, project: found.project, namespace, env: terminal.env },
        images: (isBuilt, services = stack.services) => imagesOf({ services }, { ...delivery, isBuilt }),
      })
    } finally {
      await client.close()
    }
  })
}

async function pauseAnyway(milliseconds: number): Promise<void> {
  const { waitReferenced } = await import('#cluster/processes.ts')
  await waitReferenced(systemClock, milliseconds)
}

interface FoundStack {
  readonly file: string
  readonly project: string
  readonly namespace: string
  readonly read: ReadOptions['read']
}

const composeFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']

async function findStack(
  { name, terminal }: WorkflowCall,
  { file, name: which, isFolderEnough }: OpenStackOptions,
): Promise<FoundStack> {
  const [{ openProject }, { findFile, requireFile }, { cleanName }] = await Promise.all([
    import('#workflow/project/project.ts'),
    import('#workflow/project/find-file.ts'),
    import('#workflow/project/clean-name.ts'),
  ])
  const { cwd, env } = terminal
  if (name.startsWith('compose')) {
    const path = file === undefined ? composeFiles.map((one) => join(cwd, one)).find(existsSync) : resolve(cwd, file)
    if (!path || !existsSync(path)) {
      const what = file === undefined ? `${cwd} has none of ${composeFiles.join(', ')}.` : `${file} does not exist.`
      throw new CommandError(what, { next: [`nami ${name} -f FILE`] })
    }
    const read = await reader(path, undefined)
    const given = /^name:\s*["']?([A-Za-z0-9_.-]+)/m.exec(read(path))?.[1]
    const project = cleanName(env.COMPOSE_PROJECT_NAME || given || basename(dirname(path)))
    return { file: path, project, namespace: project, read }
  }
  if (isFolderEnough && file === undefined && !isProject(cwd)) {
    const own = cleanName(basename(cwd)) || 'app'
    return {
      file: `${cwd}/.`,
      project: own,
      namespace: `${own}-${which}`,
      read: () => `services:\n  ${own}:\n    build: .\n`,
    }
  }
  const project = openProject(cwd, env)
  const path = file === undefined ? findFile(project.folder, which) : requireFile(project.folder, which, { given: file, cwd })
  if (!path) throw new CommandError(`hokusai/${which}.yml is missing.`, { next: ['nami setup', `nami ${name} -f FILE`] })
  return { file: path, project: project.name, namespace: `${project.name}-${which}`, read: await reader(path, project) }
}

function isProject(folder: string): boolean {
  return existsSync(join(folder, 'hokusai/config.yml')) || (dirname(folder) !== folder && isProject(dirname(folder)))
}

/** Files of a project are templates. */
async function reader(path: string, project: Project | undefined): Promise<ReadOptions['read']> {
  const [{ readFileSync }, { renderFile }] = await Promise.all([import('node:fs'), import('#workflow/project/template.ts')])
  const root = project?.folder ?? dirname(path)
  const variables = project?.variables ?? {}
  return (file) => (project || file.endsWith('.j2') ? renderFile(file, { root, variables }) : readFileSync(file, 'utf8'))
}

interface DeliveryParts {
  readonly around: Surroundings
  readonly project: string
  readonly client: RunningStack['client']
}

async function deliveryOf(call: WorkflowCall, { around, project, client }: DeliveryParts): Promise<Omit<StackImages, 'isBuilt'>> {
  const [{ openImages }, { buildPlanned }, { runtimeSources }] = await Promise.all([
    import('../image/layout.ts'),
    import('#workflow/images/build-project.ts'),
    import('./builder.ts'),
  ])
  const { directory, layout } = await openImages(call.flags['data-dir'])
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const onNode = async (image: Image, name: string): Promise<string | undefined> => {
    const [{ importBuilt }, { importerOf, withRuntime }] = await Promise.all([
      import('#cluster/application-image.ts'),
      import('#cluster/node-images.ts'),
    ])
    const reference = `localhost/${name}@${image.descriptor.digest}`
    const isDone = await withRuntime(directory, async (runtime) => {
      await importBuilt({ reference, image }, directory, importerOf(runtime, directory))
      return true
    })
    return isDone ? reference : undefined
  }
  return {
    ...{ project, layout, note: call.note },
    build: (plan, service, more = { isForDevelopment: !call.name.startsWith('compose') }) =>
      buildPlanned(plan, around, {
        ...more,
        layout,
        runtime: runtimeSources,
        architecture,
        name: `nami_${project}_${service}:latest`,
      }),
    deliver: async (image, name) => (await onNode(image, name)) ?? (await throughRegistry(call, { client, image, name })),
  }
}

/** Of a cluster elsewhere: the registry that it announces (KEP-1755), or the one that NAMI_REGISTRY names. */
async function throughRegistry(
  { terminal, note }: WorkflowCall,
  { client, image, name }: { client: RunningStack['client']; image: Image; name: string },
): Promise<string> {
  const [{ ConfigMap }, { push }, { credentials }] = await Promise.all([
    import('#api/core/v1/config-map.ts'),
    import('#images/registry.ts'),
    import('../image/registry.ts'),
  ])
  const at = { name: 'local-registry-hosting', namespace: 'kube-public' }
  const announced = await client.get(ConfigMap, at).catch(() => undefined)
  const host = terminal.env.NAMI_REGISTRY || /^host:\s*"?([^"\s]+)/m.exec(announced?.data?.['localRegistryHosting.v1'] ?? '')?.[1]
  if (!host) {
    throw new CommandError('The image can be brought to no node: the cluster runs elsewhere and announces no registry.', {
      next: ['NAMI_REGISTRY=registry.example.com/team nami ...'],
    })
  }
  const repository = `${host}/${name}`
  await push(image, `${repository}:dev`, {
    ...credentials({ username: terminal.env.NAMI_REGISTRY_USERNAME, insecure: undefined }, terminal.env),
    onProgress: note,
  })
  return `${repository}@${image.descriptor.digest}`
}
